//! Types that Arrow's writers note in a file's metadata, where Parquet has none of its own:
//! durations, seconds, and the names of zones.
//!
//! The note is an Arrow IPC message with a schema, in base64: a FlatBuffers table
//! (<https://arrow.apache.org/docs/format/Columnar.html#schema-message>, fields numbered as
//! in `Message.fbs` and `Schema.fbs`). A note that cannot be read is ignored.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parquet::file::metadata::FileMetaData;

use super::column_type::ColumnType;
use super::unit::Unit;

/// Key of the note in the metadata.
const KEY: &str = "ARROW:schema";

/// Head of a message: this mark and a length, which old writers leave out.
const CONTINUATION: &[u8] = &[0xff; 4];
const HEAD_BYTES: usize = 8;

/// Tags of the unions in the schema's tables.
const SCHEMA: u8 = 1;
const DATE: u8 = 8;
const TIME: u8 = 9;
const TIMESTAMP: u8 = 10;
const DURATION: u8 = 18;

/// Types by the name of their column, only those that refine a type of Parquet.
pub(super) fn noted_types(file: &FileMetaData) -> HashMap<String, ColumnType> {
    let noted = file.key_value_metadata().into_iter().flatten().find(|pair| pair.key == KEY);
    let message = noted.and_then(|pair| STANDARD.decode(pair.value.as_ref()?).ok());
    message.and_then(|message| types_of(&message)).unwrap_or_default()
}

fn types_of(message: &[u8]) -> Option<HashMap<String, ColumnType>> {
    let buffer = match message.starts_with(CONTINUATION) {
        true => message.get(HEAD_BYTES..)?,
        false => message,
    };
    let root = Table { buffer, at: u32_at(buffer, 0)? as usize };
    if root.byte(1)? != SCHEMA {
        return None;
    }
    let fields = root.table(2)?.tables(1)?;
    let named = fields.filter_map(|field| Some((field.text(0)?.to_owned(), column_type(&field)?)));
    Some(named.collect())
}

/// Type of a field; none: it refines nothing.
fn column_type(field: &Table<'_>) -> Option<ColumnType> {
    let of = field.table(3)?;
    // The value that is left out is milliseconds, except for timestamps.
    Some(match field.byte(2)? {
        DATE => (of.short(0).unwrap_or(1) == 1).then_some(ColumnType::Date64)?,
        TIME => ColumnType::Time(unit(of.short(0).unwrap_or(1))?),
        TIMESTAMP => {
            let zone = of.text(1).filter(|zone| !zone.is_empty()).map(str::to_owned);
            ColumnType::Timestamp(unit(of.short(0).unwrap_or(0))?, zone)
        }
        DURATION => ColumnType::Duration(unit(of.short(0).unwrap_or(1))?),
        _ => return None,
    })
}

fn unit(number: u16) -> Option<Unit> {
    [Unit::Second, Unit::Millisecond, Unit::Microsecond, Unit::Nanosecond]
        .get(usize::from(number))
        .copied()
}

/// A table of FlatBuffers: values at offsets that its vtable lists, all of them checked.
struct Table<'b> {
    buffer: &'b [u8],
    at: usize,
}

impl<'b> Table<'b> {
    /// Place of a field; none: it is left out.
    fn place(&self, field: usize) -> Option<usize> {
        let back = u32_at(self.buffer, self.at)? as i32;
        let vtable = usize::try_from(i64::try_from(self.at).ok()? - i64::from(back)).ok()?;
        let offset = 4 + 2 * field;
        if offset >= usize::from(u16_at(self.buffer, vtable)?) {
            return None;
        }
        let within = u16_at(self.buffer, vtable.checked_add(offset)?)?;
        (within != 0).then(|| self.at.checked_add(usize::from(within)))?
    }

    /// Place of what a field points to.
    fn target(&self, field: usize) -> Option<usize> {
        let place = self.place(field)?;
        place.checked_add(u32_at(self.buffer, place)? as usize)
    }

    fn byte(&self, field: usize) -> Option<u8> {
        self.buffer.get(self.place(field)?).copied()
    }

    fn short(&self, field: usize) -> Option<u16> {
        u16_at(self.buffer, self.place(field)?)
    }

    fn text(&self, field: usize) -> Option<&'b str> {
        let at = self.target(field)?;
        let len = u32_at(self.buffer, at)? as usize;
        std::str::from_utf8(self.buffer.get(at.checked_add(4)?..)?.get(..len)?).ok()
    }

    fn table(&self, field: usize) -> Option<Self> {
        Some(Self { buffer: self.buffer, at: self.target(field)? })
    }

    /// Tables of a vector, up to the first that lies outside of the buffer.
    fn tables(&self, field: usize) -> Option<impl Iterator<Item = Self> + use<'b>> {
        let (buffer, at) = (self.buffer, self.target(field)?);
        let places = buffer.get(at.checked_add(4)?..)?.chunks_exact(4).enumerate();
        let tables = places.map_while(move |(index, offset)| {
            let place = at + 4 + 4 * index;
            Some(Self { buffer, at: place.checked_add(u32_at(offset, 0)? as usize)? })
        });
        Some(tables.take(u32_at(buffer, at)? as usize))
    }
}

fn u16_at(buffer: &[u8], at: usize) -> Option<u16> {
    buffer.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(buffer: &[u8], at: usize) -> Option<u32> {
    buffer.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
