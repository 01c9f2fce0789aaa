//! Bytes between two instances of the same build; nobody else reads them.

use perfbox_guest::{Error, Result};

/// Puts a part of a state together.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    /// A whole number: seven bits a byte, the lowest first, the top bit for "more".
    pub(crate) fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(crate) fn usize(&mut self, value: usize) {
        self.u64(value as u64);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    pub(crate) fn u128(&mut self, value: u128) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.usize(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn f64s(&mut self, values: &[f64]) {
        let start = self.bytes.len();
        self.bytes.resize(start + size_of_val(values), 0);
        copy_out(values, &mut self.bytes[start..]);
    }
}

/// Takes a part of a state apart.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.array::<1>()?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(unreadable())
    }

    pub(crate) fn usize(&mut self) -> Result<usize> {
        usize::try_from(self.u64()?).map_err(|_| unreadable())
    }

    pub(crate) fn bool(&mut self) -> Result<bool> {
        Ok(self.array::<1>()?[0] != 0)
    }

    pub(crate) fn u128(&mut self) -> Result<u128> {
        Ok(u128::from_le_bytes(*self.array()?))
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(*self.array()?))
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        let len = self.usize()?;
        let text = str::from_utf8(self.slice(len)?).map_err(|_| unreadable())?;
        Ok(text.to_owned())
    }

    /// Appends `count` numbers to `values`.
    pub(crate) fn f64s(&mut self, count: usize, values: &mut Vec<f64>) -> Result<()> {
        let bytes = self.slice(count.checked_mul(size_of::<f64>()).ok_or_else(unreadable)?)?;
        let start = values.len();
        values.resize(start + count, 0.0);
        copy_in(bytes, &mut values[start..]);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or_else(unreadable)?;
        self.bytes = rest;
        Ok(array)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8]> {
        let (slice, rest) = self.bytes.split_at_checked(len).ok_or_else(unreadable)?;
        self.bytes = rest;
        Ok(slice)
    }
}

/// The error of a part that no instance of this build made.
pub(crate) fn unreadable() -> Error {
    Error::other("the state of another instance cannot be read")
}

// Functions of their own: only of its arguments does the compiler know that they do not
// overlap, and makes one copy of the loop.
#[inline(never)]
fn copy_out(values: &[f64], bytes: &mut [u8]) {
    for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
        *bytes = value.to_le_bytes();
    }
}

#[inline(never)]
fn copy_in(bytes: &[u8], values: &mut [f64]) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
        *value = f64::from_le_bytes(*bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut writer = Writer::default();
        let whole = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        whole.iter().for_each(|value| writer.u64(*value));
        writer.bool(true);
        writer.u128(u128::MAX - 5);
        writer.text("größer");
        writer.f64(-0.0);
        writer.f64s(&[1.5, f64::MIN_POSITIVE]);
        let mut reader = Reader::new(&writer.bytes);
        assert!(whole.iter().all(|value| reader.u64().unwrap() == *value));
        assert!(reader.bool().unwrap());
        assert_eq!(reader.u128().unwrap(), u128::MAX - 5);
        assert_eq!(reader.text().unwrap(), "größer");
        assert_eq!(reader.f64().unwrap().to_bits(), (-0.0_f64).to_bits());
        let mut values = vec![9.0];
        reader.f64s(2, &mut values).unwrap();
        assert_eq!(values, [9.0, 1.5, f64::MIN_POSITIVE]);
        assert!(reader.is_empty());
    }

    #[test]
    fn what_was_not_written_is_an_error() {
        let error = Err(unreadable());
        assert_eq!(Reader::new(&[0x80]).u64(), error);
        assert_eq!(Reader::new(&[0xff; 20]).u64(), error);
        assert_eq!(Reader::new(&[5, b'a']).text(), Err(unreadable()));
        assert_eq!(Reader::new(&[1, 0xff]).text(), Err(unreadable()));
        assert_eq!(Reader::new(&[0; 9]).f64s(2, &mut vec![]), Err(unreadable()));
        assert_eq!(Reader::new(&[0; 9]).f64s(usize::MAX, &mut vec![]), Err(unreadable()));
    }
}
