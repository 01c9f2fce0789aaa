//! Fields of one request, and the record made of them.

use std::borrow::Cow;

use crate::batch_builder::{BatchBuilder, DEFAULT_PHASE, PhaseKey};
use crate::checks::{check_latency, check_name};
use crate::columns::standard;
use crate::mapping::role::FieldRole;
use crate::mapping::values::{error, is_cancelled, status, succeeded};
use crate::number::read_number;

/// Fields of one request, taken from a row.
#[derive(Default)]
pub(crate) struct RequestFields<'r> {
    start_ns: Option<u64>,
    end_ns: Option<u64>,
    latency_ms: Option<f64>,
    status: Option<u64>,
    /// Text in place of a status.
    status_text: Option<Cow<'r, str>>,
    error: Option<&'r str>,
    error_message: Option<&'r str>,
    success: Option<bool>,
    cancelled: bool,
    name: Option<&'r str>,
    method: Option<&'r str>,
    phase: Option<&'r str>,
    session: Option<&'r str>,
    worker: Option<&'r str>,
}

impl<'r> RequestFields<'r> {
    /// Name of the phase.
    pub(crate) fn phase(&self) -> Option<&'r str> {
        self.phase
    }

    /// Takes the text of a field that is neither missing nor a metric.
    pub(crate) fn take(&mut self, what: &FieldRole, text: &'r str) -> Result<(), String> {
        match what {
            FieldRole::Start(form) => self.start_ns = Some(form.read_ns(text)?),
            FieldRole::End(form) => self.end_ns = Some(form.read_ns(text)?),
            FieldRole::Latency(_) => self.take_number(what, read_number(text)?),
            FieldRole::Status | FieldRole::Code => match status(text) {
                Some(status) => {
                    self.take_status(status);
                    if matches!(what, FieldRole::Code) && !(200..400).contains(&status) {
                        self.error = self.error.or(Some(text));
                    }
                }
                None => self.take_status_text(text.trim().into()),
            },
            FieldRole::Error => match error(text) {
                Some(true) => self.success = Some(false),
                Some(false) => {}
                None => self.error = Some(text.trim()),
            },
            FieldRole::ErrorMessage => self.error_message = Some(text),
            FieldRole::Failure => {
                self.error_message = Some(text);
                self.success = Some(false);
            }
            FieldRole::Success => self.success = Some(succeeded(text)?),
            FieldRole::Cancelled => self.cancelled = is_cancelled(text)?,
            FieldRole::Name => self.name = Some(text),
            FieldRole::Method => self.method = Some(text),
            FieldRole::Phase => self.phase = Some(text),
            FieldRole::Session => self.session = Some(text),
            FieldRole::Worker => self.worker = Some(text),
            FieldRole::Metric(..) => {}
        }
        Ok(())
    }

    /// Takes a latency.
    pub(crate) fn take_number(&mut self, what: &FieldRole, value: f64) {
        // Dividing by a whole number gives the same latency in every unit, to the last bit.
        self.latency_ms = match what {
            FieldRole::Latency(ms) if *ms < 1.0 => Some(value / ms.recip().round()),
            FieldRole::Latency(ms) => Some(value * ms),
            _ => self.latency_ms,
        };
    }

    /// Takes a status.
    pub(crate) fn take_status(&mut self, status: u64) {
        match status {
            // No response arrived.
            0 => self.error = self.error.or(Some("transport")),
            status => self.status = Some(status),
        }
    }

    /// Takes text in place of a status: JMeter writes errors there.
    pub(crate) fn take_status_text(&mut self, text: Cow<'r, str>) {
        self.status_text = Some(text);
    }

    /// Takes a time.
    pub(crate) fn take_ns(&mut self, what: &FieldRole, ns: u64) {
        match what {
            FieldRole::Start(_) => self.start_ns = Some(ns),
            FieldRole::End(_) => self.end_ns = Some(ns),
            _ => {}
        }
    }

    /// Writes the record. `metrics` are its numbers with their columns.
    pub(crate) fn put(
        &self,
        builder: &mut BatchBuilder<'_>,
        phase: &mut PhaseKey,
        metrics: impl Iterator<Item = (usize, f64)>,
    ) -> Result<(), String> {
        let error_type = self.error_type();
        let (start_ns, latency_ms, end_ns) = self.times(error_type.is_some())?;
        let name = self.phase.unwrap_or(DEFAULT_PHASE);
        if phase.name != name {
            check_name("phase", name).map_err(|problem| problem.message)?;
            *phase = PhaseKey::named(name);
        }
        let Some(mut row) = builder.begin(phase) else { return Ok(()) };
        row.u64(standard::START, start_ns);
        if let Some(end_ns) = end_ns {
            row.u64(standard::END, end_ns);
        }
        if let Some(latency_ms) = latency_ms {
            row.f64(standard::LATENCY, latency_ms);
        }
        if let Some(status) = self.status {
            row.u64(standard::STATUS, status);
        }
        row.u64(standard::CANCELLED, u64::from(self.cancelled));
        if let Some(error_type) = error_type {
            row.text(standard::ERROR_TYPE, &error_type);
            if let Some(message) = self.error_message {
                row.text(standard::ERROR_MESSAGE, message);
            }
        }
        match (self.method, self.name) {
            (Some(method), Some(name)) if row.takes(standard::NAME) => {
                row.text(standard::NAME, &format!("{method} {name}"))
            }
            (None, Some(name)) => row.text(standard::NAME, name),
            (Some(_), _) | (None, None) => {}
        }
        if let Some(worker) = self.worker {
            row.text(standard::WORKER, worker);
        }
        if let Some(session) = self.session {
            row.text(standard::SESSION, session);
            row.session(session, start_ns, end_ns.unwrap_or(start_ns), self.cancelled);
        }
        for (column, value) in metrics {
            row.f64(column, value);
        }
        builder.end();
        Ok(())
    }

    /// Error type of the request; none if it succeeded.
    fn error_type(&self) -> Option<Cow<'r, str>> {
        // Text in place of the status of a successful request is no error.
        let status_text = self.status_text.clone().filter(|_| self.success != Some(true));
        if let Some(error) = self.error.map(Cow::Borrowed).or(status_text) {
            return Some(error);
        }
        if let Some(status) = self.status.filter(|status| *status >= 400) {
            return Some(status.to_string().into());
        }
        if self.cancelled {
            return Some("cancelled".into());
        }
        (self.success == Some(false)).then(|| "failed".into())
    }

    /// Start, latency and end of the request. Any two give the third; a failed request may have
    /// a start alone.
    fn times(&self, has_failed: bool) -> Result<(u64, Option<f64>, Option<u64>), String> {
        let latency_ms = match (self.latency_ms, self.start_ns, self.end_ns) {
            (Some(ms), ..) => ms,
            // Nanoseconds since 1970 have more digits than an f64 holds.
            (None, Some(start), Some(end)) if end < start => -ms(start - end),
            (None, Some(start), Some(end)) => ms(end - start),
            (None, Some(start), None) if has_failed => return Ok((start, None, None)),
            (None, ..) => {
                return Err(
                    "the record has no latency; only a failed request may lack it".to_owned()
                );
            }
        };
        check_latency(latency_ms)?;
        let latency_ns = whole_ns(latency_ms * 1e6);
        let start_ns = match (self.start_ns, self.end_ns) {
            (Some(start), _) => start,
            (None, Some(end)) => end
                .checked_sub(latency_ns)
                .ok_or_else(|| format!("the latency, {latency_ms} ms, reaches back before 1970"))?,
            (None, None) => return Err("the record has no start".to_owned()),
        };
        let end_ns = self.end_ns.or_else(|| start_ns.checked_add(latency_ns)).ok_or_else(|| {
            format!("start and latency, {latency_ms} ms, lead beyond the year 2554")
        })?;
        Ok((start_ns, Some(latency_ms), Some(end_ns)))
    }
}

/// The nearest whole number; a half rounds up.
fn whole_ns(ns: f64) -> u64 {
    let below = ns as u64;
    below + u64::from(ns - below as f64 >= 0.5)
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}
