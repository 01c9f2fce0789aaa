//! Types of columns, by their physical and logical types in the file.

use std::fmt;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use super::unit::Unit;

/// Digits that a decimal has at most.
const DECIMAL_DIGITS_MAX: i32 = 76;

/// Digits that a decimal of 128 bits has at most.
const DECIMAL128_DIGITS_MAX: i32 = 38;

/// Type of a column. Its `Display` is the name that Arrow has for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnType {
    /// A column without any value.
    Null,
    Boolean,
    Signed(u8),
    Unsigned(u8),
    Float16,
    Float32,
    Float64,
    Decimal {
        bits: u16,
        precision: i32,
        scale: u32,
    },
    /// Days since 1970.
    Date32,
    /// Milliseconds since 1970.
    Date64,
    /// Time of day.
    Time(Unit),
    /// Time since 1970, with the name of its zone.
    Timestamp(Unit, Option<String>),
    Duration(Unit),
    Utf8,
    Binary,
    FixedSizeBinary(i32),
    /// Lists, maps and structs, by name.
    Nested(String),
    /// Types that are not read, by name.
    Unsupported(String),
}

impl ColumnType {
    /// Type of a field of the schema's root.
    pub(super) fn of_field(field: &Type) -> Self {
        let is_repeated = is_repeated(field);
        match of_value(field) {
            inner if is_repeated => Self::Nested(format!("List({})", inner.outer_name())),
            of_value => of_value,
        }
    }

    /// Refines a type by the one that the file's Arrow schema has for the column: Arrow has
    /// types for which Parquet has none of its own.
    pub(super) fn refined(self, arrow: &Self) -> Self {
        let is_finer = match (&self, arrow) {
            (Self::Signed(32 | 64), Self::Timestamp(..)) => true,
            (Self::Signed(64), Self::Duration(_) | Self::Date64) => true,
            (Self::Signed(32), Self::Time(Unit::Second | Unit::Millisecond)) => true,
            (Self::Signed(64), Self::Time(Unit::Microsecond | Unit::Nanosecond)) => true,
            (Self::Timestamp(own, _), Self::Timestamp(unit, Some(_))) => own == unit,
            _ => false,
        };
        if is_finer { arrow.clone() } else { self }
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self, Self::Signed(_) | Self::Unsigned(_))
    }

    pub(super) fn is_numeric(&self) -> bool {
        let is_fraction =
            matches!(self, Self::Float16 | Self::Float32 | Self::Float64 | Self::Decimal { .. });
        is_fraction || self.is_integer()
    }

    /// Whether its values are texts; a column without any value fits too.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Null | Self::Utf8 | Self::Binary | Self::FixedSizeBinary(_))
    }

    /// Whether its values can be written as text.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self, Self::Nested(_) | Self::Unsupported(_))
    }

    /// Name without the types inside of it, so that a name stays short.
    fn outer_name(&self) -> String {
        match self {
            Self::Nested(name) => name.split('(').next().unwrap_or(name).to_owned(),
            scalar => scalar.to_string(),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Boolean => f.write_str("Boolean"),
            Self::Signed(bits) => write!(f, "Int{bits}"),
            Self::Unsigned(bits) => write!(f, "UInt{bits}"),
            Self::Float16 => f.write_str("Float16"),
            Self::Float32 => f.write_str("Float32"),
            Self::Float64 => f.write_str("Float64"),
            Self::Decimal { bits, precision, scale } => {
                write!(f, "Decimal{bits}({precision}, {scale})")
            }
            Self::Date32 => f.write_str("Date32"),
            Self::Date64 => f.write_str("Date64"),
            Self::Time(unit @ (Unit::Second | Unit::Millisecond)) => write!(f, "Time32({unit})"),
            Self::Time(unit) => write!(f, "Time64({unit})"),
            Self::Timestamp(unit, None) => write!(f, "Timestamp({unit})"),
            Self::Timestamp(unit, Some(zone)) => write!(f, "Timestamp({unit}, {zone:?})"),
            Self::Duration(unit) => write!(f, "Duration({unit})"),
            Self::Utf8 => f.write_str("Utf8"),
            Self::Binary => f.write_str("Binary"),
            Self::FixedSizeBinary(bytes) => write!(f, "FixedSizeBinary({bytes})"),
            Self::Nested(name) | Self::Unsupported(name) => f.write_str(name),
        }
    }
}

fn is_repeated(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

/// Type of each value of a field, repeated or not.
fn of_value(field: &Type) -> ColumnType {
    if field.is_primitive() {
        return of_primitive(field);
    }
    let info = field.get_basic_info();
    let name = match (info.logical_type_ref(), info.converted_type()) {
        (Some(LogicalType::List), _) | (None, ConvertedType::LIST) => match element(field) {
            Some(element) if element.is_primitive() => format!("List({})", of_primitive(element)),
            _ => "List".to_owned(),
        },
        (Some(LogicalType::Map), _) | (None, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE) => {
            "Map".to_owned()
        }
        _ => "Struct".to_owned(),
    };
    ColumnType::Nested(name)
}

/// Element of a list: the one field of the repeated group in it, else what is repeated.
fn element(list: &Type) -> Option<&Type> {
    let [repeated] = list.get_fields() else { return None };
    if repeated.is_primitive() {
        return Some(repeated);
    }
    let [element] = repeated.get_fields() else { return None };
    Some(element)
}

fn of_primitive(field: &Type) -> ColumnType {
    let info = field.get_basic_info();
    let logical = info.logical_type_ref();
    // The older annotation of the two counts where the newer one is absent.
    let converted = if logical.is_none() { info.converted_type() } else { ConvertedType::NONE };
    if matches!(logical, Some(LogicalType::Unknown)) {
        return ColumnType::Null;
    }
    let decimal = |bits| match (logical, converted) {
        (Some(LogicalType::Decimal(of)), _) => Some(decimal(bits, of.precision, of.scale)),
        (None, ConvertedType::DECIMAL) => {
            Some(decimal(bits, field.get_precision(), field.get_scale()))
        }
        _ => None,
    };
    let found = match field.get_physical_type() {
        Physical::BOOLEAN => Some(ColumnType::Boolean),
        Physical::INT32 => decimal(128).unwrap_or_else(|| of_int32(logical, converted)),
        Physical::INT64 => decimal(128).unwrap_or_else(|| of_int64(logical, converted)),
        Physical::INT96 => Some(ColumnType::Timestamp(Unit::Nanosecond, None)),
        Physical::FLOAT => Some(ColumnType::Float32),
        Physical::DOUBLE => Some(ColumnType::Float64),
        Physical::BYTE_ARRAY => {
            let bits = if field.get_precision() > DECIMAL128_DIGITS_MAX { 256 } else { 128 };
            decimal(bits).unwrap_or_else(|| Some(of_bytes(logical, converted)))
        }
        Physical::FIXED_LEN_BYTE_ARRAY => {
            let bytes = match field {
                Type::PrimitiveType { type_length, .. } => *type_length,
                Type::GroupType { .. } => 0,
            };
            let bits = if bytes > 16 { 256 } else { 128 };
            let fits = (1..=32).contains(&bytes);
            match (decimal(bits), logical, converted) {
                (Some(decimal), ..) => decimal.filter(|_| fits),
                (None, Some(LogicalType::Float16), _) if bytes == 2 => Some(ColumnType::Float16),
                (None, Some(LogicalType::Float16), _) | (None, _, ConvertedType::INTERVAL) => None,
                (None, ..) => Some(ColumnType::FixedSizeBinary(bytes)),
            }
        }
    };
    found.unwrap_or_else(|| {
        let physical = field.get_physical_type();
        ColumnType::Unsupported(match logical {
            Some(logical) => format!("{physical} ({logical:?})"),
            None => format!("{physical} ({converted})"),
        })
    })
}

/// A decimal; none: its precision or scale is out of bounds.
fn decimal(bits: u16, precision: i32, scale: i32) -> Option<ColumnType> {
    let fits = |digits: &i32| (0..=DECIMAL_DIGITS_MAX).contains(digits);
    let scale = u32::try_from(scale).ok().filter(|_| fits(&precision) && fits(&scale))?;
    Some(ColumnType::Decimal { bits, precision, scale })
}

fn of_int32(logical: Option<&LogicalType>, converted: ConvertedType) -> Option<ColumnType> {
    Some(match (logical, converted) {
        (Some(LogicalType::Integer(of)), _) if [8, 16, 32].contains(&of.bit_width) => {
            integer(of.bit_width as u8, of.is_signed)
        }
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => ColumnType::Date32,
        (Some(LogicalType::Time(of)), _) if of.unit == TimeUnit::MILLIS => {
            ColumnType::Time(Unit::Millisecond)
        }
        (None, ConvertedType::TIME_MILLIS) => ColumnType::Time(Unit::Millisecond),
        (None, ConvertedType::UINT_8) => ColumnType::Unsigned(8),
        (None, ConvertedType::UINT_16) => ColumnType::Unsigned(16),
        (None, ConvertedType::UINT_32) => ColumnType::Unsigned(32),
        (None, ConvertedType::INT_8) => ColumnType::Signed(8),
        (None, ConvertedType::INT_16) => ColumnType::Signed(16),
        (None, ConvertedType::INT_32 | ConvertedType::NONE) => ColumnType::Signed(32),
        _ => return None,
    })
}

fn of_int64(logical: Option<&LogicalType>, converted: ConvertedType) -> Option<ColumnType> {
    let utc = || Some("UTC".to_owned());
    Some(match (logical, converted) {
        (Some(LogicalType::Integer(of)), _) if of.bit_width == 64 => integer(64, of.is_signed),
        (Some(LogicalType::Time(of)), _) if of.unit != TimeUnit::MILLIS => {
            ColumnType::Time(unit(of.unit))
        }
        (Some(LogicalType::Timestamp(of)), _) => {
            ColumnType::Timestamp(unit(of.unit), utc().filter(|_| of.is_adjusted_to_u_t_c))
        }
        (None, ConvertedType::TIME_MICROS) => ColumnType::Time(Unit::Microsecond),
        (None, ConvertedType::TIMESTAMP_MILLIS) => ColumnType::Timestamp(Unit::Millisecond, utc()),
        (None, ConvertedType::TIMESTAMP_MICROS) => ColumnType::Timestamp(Unit::Microsecond, utc()),
        (None, ConvertedType::UINT_64) => ColumnType::Unsigned(64),
        (None, ConvertedType::INT_64 | ConvertedType::NONE) => ColumnType::Signed(64),
        _ => return None,
    })
}

fn of_bytes(logical: Option<&LogicalType>, converted: ConvertedType) -> ColumnType {
    match (logical, converted) {
        (Some(LogicalType::String | LogicalType::Json), _)
        | (None, ConvertedType::UTF8 | ConvertedType::JSON) => ColumnType::Utf8,
        _ => ColumnType::Binary,
    }
}

fn integer(bits: u8, is_signed: bool) -> ColumnType {
    if is_signed { ColumnType::Signed(bits) } else { ColumnType::Unsigned(bits) }
}

fn unit(unit: TimeUnit) -> Unit {
    match unit {
        TimeUnit::MILLIS => Unit::Millisecond,
        TimeUnit::MICROS => Unit::Microsecond,
        TimeUnit::NANOS => Unit::Nanosecond,
    }
}
