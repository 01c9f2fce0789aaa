//! One limit for all memories and tables of an instance together.

use wasmtime::{ResourceLimiter, Result};

use perfbox_model::limits::{Limits, format_bytes};

/// Bytes that one slot of a table takes on the host.
pub(crate) const TABLE_SLOT_BYTES: usize = 16;

/// Counts what an instance has, refuses what goes past the limit, and remembers that
/// it did.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit_bytes: usize,
    /// Most core instances, most memories and most tables.
    parts_max: usize,
    used_bytes: usize,
    peak_bytes: usize,
    denied_bytes: Option<usize>,
    denials: u64,
}

impl MemoryLimiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit_bytes: limits.memory_bytes,
            parts_max: limits.core_instances,
            used_bytes: 0,
            peak_bytes: 0,
            denied_bytes: None,
            denials: 0,
        }
    }

    /// Most that the instance ever had.
    pub(crate) fn peak_bytes(&self) -> usize {
        self.peak_bytes
    }

    /// How often it was refused more.
    pub(crate) fn denials(&self) -> u64 {
        self.denials
    }

    /// Forgets what was refused in earlier calls.
    pub(crate) fn begin_call(&mut self) {
        self.denied_bytes = None;
    }

    /// What was refused in this call, in words, if anything was.
    pub(crate) fn denial(&self) -> Option<String> {
        self.denied_bytes.map(|wanted| {
            format!(
                "it needed {} MiB of memory, and its limit `memory` is {}",
                wanted.div_ceil(1 << 20),
                format_bytes(self.limit_bytes)
            )
        })
    }

    fn grow(&mut self, current_bytes: usize, desired_bytes: usize) -> bool {
        let more = desired_bytes.saturating_sub(current_bytes);
        let wanted = self.used_bytes.saturating_add(more);
        if wanted > self.limit_bytes {
            self.denied_bytes = Some(wanted);
            self.denials += 1;
            return false;
        }
        self.used_bytes = wanted;
        self.peak_bytes = self.peak_bytes.max(wanted);
        true
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let bytes = |slots: usize| slots.saturating_mul(TABLE_SLOT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn instances(&self) -> usize {
        self.parts_max
    }

    fn tables(&self) -> usize {
        self.parts_max
    }

    fn memories(&self) -> usize {
        self.parts_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_count_together() {
        let limits = Limits { memory_bytes: 3 << 20, ..Limits::default() };
        let mut limiter = MemoryLimiter::new(&limits);
        assert!(limiter.memory_growing(0, 1 << 20, None).unwrap());
        assert!(limiter.memory_growing(0, 1 << 20, None).unwrap());
        assert!(!limiter.table_growing(0, (1 << 20) / TABLE_SLOT_BYTES + 1, None).unwrap());
        assert!(limiter.table_growing(0, (1 << 20) / TABLE_SLOT_BYTES, None).unwrap());
        assert_eq!(limiter.peak_bytes(), 3 << 20);
        assert_eq!(
            limiter.denial().unwrap(),
            "it needed 4 MiB of memory, and its limit `memory` is 3 MiB"
        );
    }
}
