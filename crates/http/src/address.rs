//! Where requests may go.

use url::{Host, Url};

/// What is wrong with a service's address; the text says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressFault {
    /// Of another scheme, or without a host.
    #[error("it is no http or https address")]
    NotHttp,
    /// A key would be sent unencrypted to another machine.
    #[error("it must be an https address; the key must not travel in the clear")]
    Clear,
    /// It names a user.
    #[error("it holds a user or password; give the key apart from it")]
    Credentials,
}

/// Checks the address that a service's paths follow: `http` or `https`, and no user or password in
/// it, which would show in logs. A key is sent by `https` or within this machine, unless `allow_http`
/// says that the network is trusted.
///
/// # Errors
/// The first fault, in the order of [`AddressFault`]'s variants.
pub fn check_address(url: &Url, has_key: bool, allow_http: bool) -> Result<(), AddressFault> {
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(AddressFault::NotHttp);
    }
    if has_key && !allow_http && url.scheme() == "http" && !is_loopback(url) {
        return Err(AddressFault::Clear);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressFault::Credentials);
    }
    Ok(())
}

/// Whether a URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, has_key: bool, allow_http: bool) -> Result<(), AddressFault> {
        check_address(&url.parse().unwrap(), has_key, allow_http)
    }

    #[test]
    fn a_key_goes_by_https_or_stays_on_this_machine() {
        for secure in ["https://example.com", "http://localhost:8000/v1", "http://[::1]:1/"] {
            assert_eq!(check(secure, true, false), Ok(()), "{secure}");
        }
        for clear in ["http://example.com", "http://localhost.example.com", "http://10.0.0.1"] {
            assert_eq!(check(clear, true, false), Err(AddressFault::Clear), "{clear}");
            assert_eq!(check(clear, true, true), Ok(()), "{clear}");
            assert_eq!(check(clear, false, false), Ok(()), "{clear}: there is no key");
        }
    }

    #[test]
    fn what_is_no_address_of_a_service_is_refused() {
        for other in ["ftp://example.com", "data:text/plain,x", "file:///etc/passwd"] {
            assert_eq!(check(other, false, true), Err(AddressFault::NotHttp), "{other}");
        }
        for named in ["https://user@example.com", "https://user:pass@example.com"] {
            assert_eq!(check(named, true, false), Err(AddressFault::Credentials), "{named}");
        }
    }

    #[test]
    fn this_machine_goes_by_several_names() {
        let names = ["localhost", "api.localhost", "127.0.0.1", "127.8.8.8", "[::1]"];
        for host in names {
            assert!(is_loopback(&format!("http://{host}/").parse().unwrap()), "{host}");
        }
        for host in ["localhosts", "example.com", "128.0.0.1", "[::2]"] {
            assert!(!is_loopback(&format!("http://{host}/").parse().unwrap()), "{host}");
        }
        assert!(!is_loopback(&"file:///x".parse().unwrap()));
    }
}
