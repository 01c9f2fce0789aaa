//! Inputs on the command line: which they are, and how they are read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use perfbox::escape;
use perfbox::records::{Format, InputError, Mapping, RecordedOptions, expand_inputs};

use super::config::Config;
use crate::exit::{Failed, StatusOf as _};

/// Recorded results and how they are read.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Recorded results of AIPerf, k6, vegeta, JMeter, oha, hey, vLLM or guidellm, or any CSV,
    /// JSON lines or Parquet with --map; plain, .gz or .zst; a directory of them, a pattern, or
    /// - for standard input.
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<String>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// What inputs are read as.
#[derive(Debug, Default, Args)]
pub(crate) struct FormatArgs {
    /// Format of the inputs, such as jmeter-csv [default: each is recognised by its content].
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<Format>,

    /// Which column of CSV, JSON lines or Parquet is what, such as latency=took:ms;
    /// repeatable.
    ///
    /// FIELD is start, end, latency, status, error, error_message, success, name, phase,
    /// session, worker, cancelled or metric.NAME; UNIT is ns, us, ms, s or, of a time,
    /// rfc3339. `perfbox inspect INPUT` suggests what to write.
    #[arg(long = "map", value_name = "FIELD=COLUMN[:UNIT]")]
    maps: Vec<String>,
}

impl FormatArgs {
    /// The mapping of the flags, over that of the config file.
    pub(crate) fn options(&self, config: &Config) -> anyhow::Result<RecordedOptions> {
        let (mut in_file, mut in_flags) = (Mapping::default(), Mapping::default());
        for said in &config.mapping {
            said.said(in_file.add_flag(&said.value))?;
        }
        for text in &self.maps {
            in_flags.add_flag(text).map_err(|error| anyhow::anyhow!("--map: {error}"))?;
        }
        let mapping = in_flags.over(in_file);
        // A tool's format that is named needs none.
        if self.input_format.is_none_or(Format::is_mapped) {
            mapping.check()?;
        }
        Ok(RecordedOptions {
            input_format: self.input_format,
            mapping,
            ..RecordedOptions::default()
        })
    }
}

/// Inputs that were opened, or why not: what was asked for does not fit them, or they
/// cannot be read.
pub(crate) fn opened<T>(opened: Result<T, InputError>) -> Result<T, Failed> {
    match opened {
        Err(error @ InputError::Mapping { .. }) => Err(error).usage(),
        opened => opened.bad_input(),
    }
}

impl InputArgs {
    /// As [`expand`](Self::expand), for parts of one run: no file is two of them.
    pub(crate) fn expand_parts(&self) -> Result<Vec<String>, Failed> {
        let inputs = self.expand().bad_input()?;
        let mut known: HashMap<PathBuf, &String> = HashMap::new();
        for name in &inputs {
            let path = Path::new(name).canonicalize();
            if let Some(first) = path.ok().and_then(|path| known.insert(path, name)) {
                return Err(anyhow!(
                    "`{}` and `{}` are the same file, whose records would count twice with \
                     --one-run; name it once",
                    escape(first),
                    escape(name)
                ))
                .usage();
            }
        }
        Ok(inputs)
    }

    /// The inputs, directories and patterns taken apart.
    pub(crate) fn expand(&self) -> Result<Vec<String>, InputError> {
        expand_inputs(&self.inputs)
    }
}
