use perfbox_guest::Column;

/// From the first start of some requests to their last end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Span {
    /// Takes the records without an error in that have a start and a latency.
    pub(crate) fn around(
        so_far: Option<Self>,
        starts_ns: &Column<u64>,
        latencies_ms: &Column<f64>,
        is_failed: &[bool],
    ) -> Option<Self> {
        let times = starts_ns.rows().zip(latencies_ms.rows()).zip(is_failed);
        let times = times.filter(|(_, is_failed)| !**is_failed);
        times
            .filter_map(|((start_ns, latency_ms), _)| start_ns.zip(latency_ms))
            .map(|(start_ns, latency_ms)| Self::of(start_ns, latency_ms))
            .fold(so_far, |so_far, span| Some(so_far.map_or(span, |so_far| so_far.and(span))))
    }

    /// Takes all records in, in strides: guests look at their deadline each time round a
    /// loop.
    pub(crate) fn around_all(
        so_far: Option<Self>,
        starts_ns: &[u64],
        latencies_ms: &[f64],
    ) -> Option<Self> {
        const STRIDE: usize = 16;
        let mut span = match (so_far, starts_ns.first(), latencies_ms.first()) {
            (Some(span), ..) => span,
            (None, Some(start_ns), Some(latency_ms)) => Self::of(*start_ns, *latency_ms),
            (None, ..) => return None,
        };
        let (starts, last_starts) = starts_ns.as_chunks::<STRIDE>();
        let (latencies, last_latencies) = latencies_ms.as_chunks::<STRIDE>();
        for (starts, latencies) in starts.iter().zip(latencies) {
            for at in 0..STRIDE {
                span = span.and(Self::of(starts[at], latencies[at]));
            }
        }
        for (start, latency) in last_starts.iter().zip(last_latencies) {
            span = span.and(Self::of(*start, *latency));
        }
        Some(span)
    }

    /// Of one request. A negative latency, which clocks that were set back make, ends it
    /// where it started.
    pub(crate) fn of(start_ns: u64, latency_ms: f64) -> Self {
        Self { start_ns, end_ns: start_ns.saturating_add((latency_ms * 1e6).round() as u64) }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { start_ns: self.start_ns.min(other.start_ns), end_ns: self.end_ns.max(other.end_ns) }
    }

    pub(crate) fn seconds(self) -> f64 {
        (self.end_ns - self.start_ns) as f64 / 1e9
    }
}
