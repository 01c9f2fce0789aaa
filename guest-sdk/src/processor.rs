use serde::de::DeserializeOwned;

use crate::{Batch, Error, PhaseSummary, ProcessingResult, Result};

/// Gets every result record of a run, in batches, and returns metrics.
///
/// The order of calls is [`new`](Self::new), [`requirements`](Self::requirements),
/// [`process`](Self::process) for each batch, [`finish`](Self::finish). An error or
/// a panic ends this processor for the rest of the run, and nothing else.
pub trait Processor: Sized + 'static {
    /// Its parameters: a struct whose fields are named as the parameters in
    /// [`export!`](crate::export) or in the manifest; [`NoConfig`](crate::NoConfig)
    /// where there are none. The host has filled in defaults and checked types.
    type Config: DeserializeOwned;

    /// Makes the processor, before the first batch. Files are best written in
    /// [`finish`](Self::finish): of several instances, only that one has the directory.
    ///
    /// # Errors
    /// When the parameters make no sense together.
    fn new(config: Self::Config) -> Result<Self>;

    /// What it wants of the host; asked once. Every column and one instance, unless
    /// written.
    fn requirements(&self) -> Requirements {
        Requirements::default()
    }

    /// Processes one batch. Batches of different phases alternate. The batches of a phase
    /// come in input order if the processor is not mergeable, else in any order.
    ///
    /// # Errors
    /// Ends this processor for the run.
    fn process(&mut self, batch: &Batch) -> Result<()>;

    /// What the result would be now; none, unless written, if there is nothing to show.
    /// Must leave the state as it is. Called about once a second in live runs, never in
    /// recorded ones, with the phases so far.
    ///
    /// # Errors
    /// Ends this processor for the run.
    fn snapshot(&mut self, phases: &[PhaseSummary]) -> Result<Option<ProcessingResult>> {
        let _ = phases;
        Ok(None)
    }

    /// The next part of the state as bytes, for another instance to
    /// [`merge`](Self::merge); none when there is no more. Only called when
    /// [`requirements`](Self::requirements) said mergeable, after this instance's last
    /// batch and its last merge, until it returns none; then the instance is dropped.
    ///
    /// A state of some kilobytes is best one part. One of many megabytes is best parts
    /// of about one, each put together when it is asked for, and its memory given back:
    /// the other instance may merge one part while this one makes the next.
    ///
    /// # Errors
    /// Ends this processor for the run.
    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        Err(Error::other("this processor's state cannot be saved"))
    }

    /// Takes in one part that [`save`](Self::save) of another instance returned, in
    /// the order in which they were returned; all parts of one instance before the
    /// first of the next. This instance may have processed batches itself.
    ///
    /// # Errors
    /// Ends this processor for the run.
    fn merge(&mut self, part: &[u8]) -> Result<()> {
        let _ = part;
        Err(Error::other("this processor's states cannot be merged"))
    }

    /// Returns the results, after the last batch.
    ///
    /// # Errors
    /// When there is nothing to return, for example for lack of records; the report
    /// then shows the error in place of results.
    fn finish(self, phases: &[PhaseSummary]) -> Result<ProcessingResult>;
}

/// What a processor wants of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    pub(crate) columns: Wanted,
    pub(crate) mergeable: bool,
    pub(crate) exact_memory: Option<u64>,
}

/// The columns that a processor will ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    #[default]
    All,
    Named(Vec<String>),
    NumbersAnd(Vec<String>),
}

impl Requirements {
    /// Only these columns; all others stay unread, which makes a run faster.
    pub fn columns<I: IntoIterator<Item: Into<String>>>(names: I) -> Self {
        Self { columns: Wanted::Named(strings(names)), ..Self::default() }
    }

    /// Every column of numbers (f64 and f64-list), and these.
    pub fn numbers_and<I: IntoIterator<Item: Into<String>>>(names: I) -> Self {
        Self { columns: Wanted::NumbersAnd(strings(names)), ..Self::default() }
    }

    /// The host may run several instances over different records and merge them.
    #[must_use]
    pub fn mergeable(self) -> Self {
        Self { mergeable: true, ..self }
    }

    /// Bytes of samples, 8 for each number, that all instances together may keep: sets
    /// [`Batch::is_over_exact_memory`] once they have got more.
    #[must_use]
    pub fn exact_memory(self, bytes: u64) -> Self {
        Self { exact_memory: Some(bytes), ..self }
    }
}

fn strings<I: IntoIterator<Item: Into<String>>>(names: I) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoConfig, testing::BatchBuilder};

    struct Records(u64);

    impl Processor for Records {
        type Config = NoConfig;

        fn new(_: NoConfig) -> Result<Self> {
            Ok(Self(0))
        }

        fn process(&mut self, batch: &Batch) -> Result<()> {
            self.0 += batch.len() as u64;
            Ok(())
        }

        fn finish(self, _: &[PhaseSummary]) -> Result<ProcessingResult> {
            Ok(ProcessingResult::new().metric("records", self.0, ""))
        }
    }

    #[test]
    fn a_processor_that_says_nothing_gets_every_column_and_one_instance() {
        let wanted = Records::new(NoConfig {}).unwrap().requirements();
        assert_eq!(wanted.columns, Wanted::All);
        assert_eq!((wanted.mergeable, wanted.exact_memory), (false, None));
    }

    #[test]
    fn refused_saving_and_merging_leave_the_records_counted() {
        let mut records = Records::new(NoConfig {}).unwrap();
        records.process(&BatchBuilder::new("profiling").u64s("n", "", [1, 2]).build()).unwrap();
        let saved = records.save().unwrap_err();
        assert_eq!(saved.message(), "this processor's state cannot be saved");
        let merged = records.merge(&[1]).unwrap_err();
        assert_eq!(merged.message(), "this processor's states cannot be merged");
        assert_eq!(records.finish(&[]).unwrap().find("records"), Some(&2_u64.into()));
    }

    #[test]
    fn each_requirement_keeps_the_others() {
        let wanted = Requirements::columns(["a", "b"]);
        assert!(!wanted.mergeable);
        let names = || vec!["a".to_owned(), "b".to_owned()];
        let columns = Wanted::Named(names());
        let expected = Requirements { columns, mergeable: true, exact_memory: Some(8) };
        assert_eq!(wanted.mergeable().exact_memory(8), expected);
        let wanted = Requirements::numbers_and(["a", "b"]).mergeable();
        let columns = Wanted::NumbersAnd(names());
        assert_eq!(wanted, Requirements { columns, mergeable: true, exact_memory: None });
    }
}
