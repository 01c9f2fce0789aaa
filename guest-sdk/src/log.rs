use crate::bindings::logging::Level;

/// Hands one message to the host; in a native test, to standard error.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::logging::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// Logs at level trace: every step. Arguments as for [`format!`].
#[macro_export]
macro_rules! trace {
    ($($arg:tt)+) => { $crate::__private::log($crate::Level::Trace, &::std::format!($($arg)+)) };
}

/// Logs at level debug: of use while a plugin is written. Arguments as for [`format!`].
#[macro_export]
macro_rules! debug {
    ($($arg:tt)+) => { $crate::__private::log($crate::Level::Debug, &::std::format!($($arg)+)) };
}

/// Logs at level info: of use to whoever runs the plugin. Arguments as for [`format!`].
#[macro_export]
macro_rules! info {
    ($($arg:tt)+) => { $crate::__private::log($crate::Level::Info, &::std::format!($($arg)+)) };
}

/// Logs at level warn: something is amiss, the results still hold. Arguments as for [`format!`].
#[macro_export]
macro_rules! warn {
    ($($arg:tt)+) => { $crate::__private::log($crate::Level::Warn, &::std::format!($($arg)+)) };
}

/// Logs at level error: something failed. Arguments as for [`format!`].
#[macro_export]
macro_rules! error {
    ($($arg:tt)+) => { $crate::__private::log($crate::Level::Error, &::std::format!($($arg)+)) };
}
