/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key is not of the form `user:password`.
    #[error("key of the D-ID stand-in is not of the form user:password; give both parts")]
    Key,
    /// No port of 127.0.0.1 could be opened.
    #[error("D-ID stand-in cannot listen on 127.0.0.1: {source}")]
    Listen {
        /// What the system said.
        source: std::io::Error,
    },
}
