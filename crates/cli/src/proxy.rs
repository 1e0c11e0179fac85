//! Which proxy the environment names for an address: one rule for the model hub, D-ID and the
//! speech service.
//!
//! `HTTPS_PROXY` serves https addresses, `HTTP_PROXY` http ones, `ALL_PROXY` those whose own variable
//! is not set. `NO_PROXY` lists hosts that are reached directly, with commas: `*`, an IP address, or a
//! name, which stands for its subdomains too; each with a port if only that one is meant. Upper case
//! counts before lower case, and an empty variable is one that is not set. This machine's own
//! addresses never need a proxy.

use crate::error::CliError;
use portrait_pipeline::weights::Url;
use std::net::IpAddr;

/// What the clients speak with a proxy. With `socks5h` the proxy resolves names.
const KINDS: [&str; 5] = ["http", "https", "socks4", "socks5", "socks5h"];

/// The proxy for requests to this address; `None` where they go directly.
///
/// # Errors
/// [`CliError::Usage`] naming the variable that holds no usable address. Its value is not told: it may
/// hold a password.
pub(crate) fn proxy_for(address: &Url) -> Result<Option<Url>, CliError> {
    choose(address, |name| std::env::var(name).ok())
}

fn choose(
    address: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Url>, CliError> {
    let set = |name: &str| {
        let lower = name.to_lowercase();
        let names = [name.to_owned(), lower].into_iter();
        names.into_iter().find_map(|name| {
            let value = variable(&name)?;
            let value = value.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        })
    };
    let own = if address.scheme() == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some((name, value)) = set(own).or_else(|| set("ALL_PROXY")) else { return Ok(None) };
    let direct = set("NO_PROXY").is_some_and(|(_, list)| listed(address, &list));
    if direct || is_local(address) {
        return Ok(None);
    }
    let with_scheme = if value.contains("://") { value } else { format!("http://{value}") };
    let proxy = Url::parse(&with_scheme).ok();
    let proxy = proxy.filter(|url| KINDS.contains(&url.scheme()) && url.has_host());
    let unusable = || {
        let wanted =
            "the address of an http, https or socks proxy is needed, such as http://proxy:8080";
        let direct = "NO_PROXY lists hosts that are reached without one";
        let text = "names no usable proxy";
        CliError::Usage(format!("the environment variable {name} {text}: {wanted}; {direct}"))
    };
    let proxy = proxy.ok_or_else(unusable)?;
    tracing::info!(variable = name, host = address.host_str(), "by a proxy");
    Ok(Some(proxy))
}

/// The host without the brackets that IPv6 has in addresses.
fn host(address: &Url) -> &str {
    address.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

fn is_local(address: &Url) -> bool {
    let host = host(address);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a list of `NO_PROXY` holds the host of this address.
fn listed(address: &Url, list: &str) -> bool {
    let host = host(address).to_lowercase();
    list.split(',').map(|entry| entry.trim().to_lowercase()).any(|entry| {
        let (name, port) = match entry.rsplit_once(':') {
            // The colons of an IPv6 address without brackets are no port's.
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
            _ => (entry.as_str(), None),
        };
        if port.is_some_and(|port| port.parse().ok() != address.port_or_known_default()) {
            return false;
        }
        let name = name.trim_matches(['[', ']']).trim_start_matches("*.").trim_start_matches('.');
        let below = || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        !name.is_empty() && (name == "*" || host == name || below())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(address: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let found = choose(&address.parse().unwrap(), |name| Some(find(name)?.1.to_owned()));
        found.map(|proxy| proxy.map(String::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_scheme_decides_and_all_proxy_stands_in() {
        let both = [("HTTPS_PROXY", "http://one:1"), ("http_proxy", "two:2")];
        assert_eq!(chosen("https://api.d-id.com", &both).unwrap().unwrap(), "http://one:1/");
        assert_eq!(chosen("http://speech.lan/v1", &both).unwrap().unwrap(), "http://two:2/");
        let all = [("HTTPS_PROXY", ""), ("all_proxy", "http://user:secret@all:3")];
        let found = chosen("https://api.d-id.com", &all).unwrap().unwrap();
        assert_eq!(found, "http://user:secret@all:3/");
        assert_eq!(chosen("https://api.d-id.com", &[]).unwrap(), None);
        let socks = [("ALL_PROXY", "socks5h://user:secret@s:1080")];
        let found = chosen("https://api.d-id.com", &socks).unwrap().unwrap();
        assert_eq!(found, "socks5h://user:secret@s:1080");
        // Upper case comes first.
        let twice = [("https_proxy", "lower:1"), ("HTTPS_PROXY", "upper:1")];
        assert_eq!(chosen("https://hub.co", &twice).unwrap().unwrap(), "http://upper:1/");
    }

    #[test]
    fn what_no_proxy_lists_and_this_machine_are_reached_directly() {
        let goes = |address: &str, list: &str| {
            chosen(address, &[("ALL_PROXY", "p:1"), ("NO_PROXY", list)]).unwrap().is_none()
        };
        for (address, list) in [
            ("https://api.d-id.com", "*"),
            ("https://api.d-id.com", "example.org, D-ID.com"),
            ("https://api.d-id.com", ".d-id.com"),
            ("https://api.d-id.com", "*.d-id.com"),
            ("https://api.d-id.com", "api.d-id.com:443"),
            ("http://10.0.0.7:8000/v1", "10.0.0.7"),
            ("http://[fe80::1]/", "fe80::1"),
            ("http://[fe80::1]:81/", "[fe80::1]:81"),
            ("http://127.0.0.1:8000", ""),
            ("http://[::1]:8000", ""),
            ("http://localhost", ""),
        ] {
            assert!(goes(address, list), "{address} {list}");
        }
        for (address, list) in [
            ("https://api.d-id.com", ""),
            ("https://api.d-id.com", ","),
            ("https://api.d-id.com", "id.com"),
            ("https://api.d-id.com", "api.d-id.com:80"),
            ("https://localhost.example.org", ""),
        ] {
            assert!(!goes(address, list), "{address} {list}");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_named_without_its_value() {
        for value in ["ftp://user:secret@host:1080", "http://", "http://a b:secret"] {
            let error = chosen("https://hub.co", &[("https_proxy", value)]).unwrap_err();
            assert!(error.contains("https_proxy") && !error.contains("secret"), "{error}");
        }
    }
}
