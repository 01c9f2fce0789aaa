use crate::shared::rates::Scalars;
use crate::shared::table::Counts;

/// Adds what AIPerf makes of the counts and of the columns' sums.
pub(super) fn add(scalars: &mut Scalars, counts: Counts, sum: impl Fn(&str) -> Option<f64>) {
    let Counts { succeeded, failed, span } = counts;
    let records = (succeeded + failed) as f64;
    let isl = sum("input_sequence_length");
    let osl = sum("output_sequence_length");
    let good = sum("good_request_count");

    scalars.add("request_count", Some(succeeded), "requests");
    scalars.add("error_request_count", Some(failed), "requests");
    scalars.add("completed_request_count", Some(succeeded + failed), "requests");
    scalars.add("request_error_rate", Some(100.0 * failed as f64 / records), "%");
    scalars.add("total_isl", isl, "tokens");
    scalars.add("total_osl", osl, "tokens");
    scalars.add("benchmark_duration", span.map(|span| span.seconds()), "sec");
    scalars.add_rate("request_throughput", Some(succeeded as f64), "requests/sec");
    scalars.add_rate("output_token_throughput", osl, "tokens/sec");
    scalars.add_rate("input_token_throughput", isl, "tokens/sec");
    let both = isl.zip(osl).map(|(isl, osl)| isl + osl);
    scalars.add_rate("total_token_throughput", both, "tokens/sec");
    scalars.add("good_request_count", good, "requests");
    scalars.add("good_request_fraction", good.map(|good| good / records), "ratio");
    scalars.add_rate("goodput", good, "requests/sec");
    scalars.add("total_error_isl", sum("error_isl"), "tokens");
    scalars.add("total_output_tokens", sum("output_token_count"), "tokens");
    scalars.add("total_usage_prompt_tokens", sum("usage_prompt_tokens"), "tokens");
    scalars.add("total_usage_completion_tokens", sum("usage_completion_tokens"), "tokens");
    scalars.add("total_usage_total_tokens", sum("usage_total_tokens"), "tokens");
}
