use reqwest::Method;
use serde::Deserialize;

use crate::error::Error;
use crate::lenient;
use crate::operation::Operation;
use crate::transport::Transport;

/// An account's credits.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[non_exhaustive]
pub struct Credits {
    /// Credits left.
    pub remaining: f64,
    /// Credits there were.
    #[serde(default)]
    pub total: f64,
    /// The same by purchase.
    #[serde(default)]
    pub credits: Vec<CreditsItem>,
}

/// Credits of one purchase.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct CreditsItem {
    /// Credits left.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub remaining: Option<f64>,
    /// Credits there were.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub total: Option<f64>,
    /// When they end, ISO 8601.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub expire_at: Option<String>,
    /// The plan.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub plan_group: Option<String>,
}

pub(crate) async fn get(transport: &Transport) -> Result<Credits, Error> {
    let make = || transport.request(Method::GET, &["credits"]);
    match transport.retried(Operation::Credits, make).await {
        Ok(reply) => reply.json(&transport.redactor),
        // D-ID answers 404 when the account has none.
        Err(Error::NotFound { .. }) => Ok(Credits::default()),
        Err(error) => Err(error),
    }
}
