//! Numbers as people read them in tables.

/// With commas from 10,000.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Four digits or so: whole from 1,000, else as many decimals as that takes.
fn number(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    match size {
        size if size >= 1e15 || (size > 0.0 && size < 1e-3) => format!("{value:.2e}"),
        size if size.fract() == 0.0 || size >= 999.95 => {
            format!("{sign}{}", grouped(size.round() as u64))
        }
        size if size >= 99.995 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A share of a whole has as many decimals as it takes to show what is missing of that, a
/// ratio four at least: as many as its percentage of two.
pub(crate) fn in_unit(value: f64, unit: &str) -> String {
    let (whole, decimals) = match unit {
        "ratio" => (1.0, 4),
        "%" => (100.0, 2),
        _ => return number(value),
    };
    let is_part = value > 0.0 && value < whole;
    let shown = match unit {
        "ratio" if is_part && value >= 0.001 => format!("{value:.decimals$}"),
        _ => number(value),
    };
    let is_whole = |shown: &String| shown.parse::<f64>().is_ok_and(|shown| shown >= whole);
    if !(is_part && is_whole(&shown)) {
        return shown;
    }
    let mut longer = (decimals..=f64::DIGITS as usize + 2).map(|more| format!("{value:.more$}"));
    longer.find(|longer| !is_whole(longer)).unwrap_or(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_four_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (1234.5, "1235"),
            (-12_345.6, "-12,346"),
            (1_234_567.0, "1,234,567"),
            (999.96, "1000"),
            (123.456, "123.5"),
            (12.345, "12.35"),
            (0.5, "0.50"),
            (0.0123, "0.0123"),
            (0.000_012, "1.20e-5"),
            (1e18, "1.00e18"),
        ] {
            assert_eq!(number(value), shown);
        }
    }

    #[test]
    fn what_is_missing_of_a_whole_is_shown() {
        for (value, unit, shown) in [
            (0.0, "ratio", "0"),
            (1.0, "ratio", "1"),
            (0.9, "ratio", "0.9000"),
            (0.9996, "ratio", "0.9996"),
            (0.999_96, "ratio", "0.99996"),
            (0.999_999_96, "ratio", "0.99999996"),
            (1.0 - f64::EPSILON / 2.0, "ratio", "0.9999999999999999"),
            (0.004, "ratio", "0.0040"),
            (0.000_04, "ratio", "4.00e-5"),
            (1.5, "ratio", "1.50"),
            (99.96, "%", "99.96"),
            (99.996, "%", "99.996"),
            (100.0, "%", "100"),
            (0.04, "%", "0.0400"),
            (99.996, "ms", "100.0"),
        ] {
            assert_eq!(in_unit(value, unit), shown, "{value} {unit}");
        }
    }
}
