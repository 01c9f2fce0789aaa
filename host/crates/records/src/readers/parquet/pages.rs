//! Pages of a column, checked before they are decoded: the decoders trust these numbers,
//! and a damaged file would make them panic or take gigabytes of memory.

use parquet::basic::{Encoding, Type as Physical};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

/// Reads the pages of a column without repeated values.
pub(super) struct CheckedPages {
    pages: Box<dyn PageReader>,
    /// Bits that a value of the dictionary takes at least.
    value_bits: u64,
    /// Levels of nulls stand before the values.
    is_nullable: bool,
    has_dictionary: bool,
}

impl CheckedPages {
    pub(super) fn new(pages: Box<dyn PageReader>, column: &ColumnDescriptor) -> Self {
        let value_bits = match column.physical_type() {
            Physical::BOOLEAN => 1,
            // A byte array has its length before it.
            Physical::INT32 | Physical::FLOAT | Physical::BYTE_ARRAY => 32,
            Physical::INT64 | Physical::DOUBLE => 64,
            Physical::INT96 => 96,
            Physical::FIXED_LEN_BYTE_ARRAY => 8 * u64::try_from(column.type_length()).unwrap_or(1),
        };
        let is_nullable = column.max_def_level() > 0;
        Self { pages, value_bits: value_bits.max(1), is_nullable, has_dictionary: false }
    }

    fn check(&mut self, page: &Page) -> std::result::Result<(), String> {
        let bits = page.buffer().len() as u64 * 8;
        match page {
            Page::DictionaryPage { num_values, .. } => {
                if u64::from(*num_values) * self.value_bits > bits {
                    return Err(format!("a dictionary is too short for {num_values} values"));
                }
                self.has_dictionary = true;
            }
            // The older form of the levels: a bit each, without a length.
            #[expect(deprecated, reason = "files have it")]
            Page::DataPage { num_values, def_level_encoding: Encoding::BIT_PACKED, .. }
                if self.is_nullable && u64::from(*num_values) > bits =>
            {
                return Err(format!("a page is too short for {num_values} values"));
            }
            Page::DataPage { num_values, encoding: Encoding::BYTE_STREAM_SPLIT, .. }
                if !self.is_nullable && u64::from(*num_values) * self.value_bits > bits =>
            {
                return Err(format!("a page is too short for {num_values} values"));
            }
            Page::DataPage { .. } => {}
            Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                if (u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len)) * 8 > bits {
                    return Err("a page is shorter than its levels".to_owned());
                }
            }
        }
        let is_coded =
            matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
        if page.is_data_page() && is_coded && !self.has_dictionary {
            return Err("a page needs a dictionary, and there is none before it".to_owned());
        }
        Ok(())
    }
}

impl PageReader for CheckedPages {
    /// The next page with a value in it.
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        while let Some(page) = self.pages.get_next_page()? {
            self.check(&page).map_err(ParquetError::General)?;
            // The decoder would take an empty page for the end of the column.
            if !page.is_data_page() || page.num_values() > 0 {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
