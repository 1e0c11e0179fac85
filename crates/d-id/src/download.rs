//! Fetching a video from its presigned link: no key, a check of the length.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::Response;
use url::Url;

use crate::check;
use crate::error::Error;
use crate::operation::Operation;
use crate::transport::Transport;

enum State {
    Start(String),
    Body { response: Response, expected: Option<u64>, received: u64 },
    End,
}

pub(crate) fn stream(
    transport: Arc<Transport>,
    url: &str,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<> {
    let state = (transport, State::Start(url.to_owned()));
    stream::unfold(state, |(transport, state)| async move {
        let (item, state) = match step(&transport, state).await {
            Ok((Some(piece), next)) => (Ok(piece), next),
            Ok((None, _)) => return None,
            Err(error) => (Err(error), State::End),
        };
        Some((item, (transport, state)))
    })
    .boxed()
}

async fn step(transport: &Transport, state: State) -> Result<(Option<Bytes>, State), Error> {
    let (mut response, expected, received) = match state {
        State::End => return Ok((None, State::End)),
        State::Start(url) => {
            let response = open(transport, &url).await?;
            let expected = response.content_length();
            (response, expected, 0)
        }
        State::Body { response, expected, received } => (response, expected, received),
    };
    match response.chunk().await {
        Ok(Some(piece)) => {
            let received = received + piece.len() as u64;
            let next = State::Body { response, expected, received };
            Ok((Some(piece), next))
        }
        Ok(None) => match expected {
            Some(expected) if expected != received => Err(Error::Truncated { expected, received }),
            _ => Ok((None, State::End)),
        },
        Err(error) => Err(match expected {
            Some(expected) if received < expected && !error.is_timeout() => {
                Error::Truncated { expected, received }
            }
            _ => transport.lost(Operation::Download, error),
        }),
    }
}

/// Asks for the file, again after passing failures. Once bytes have come, a failure is final.
async fn open(transport: &Transport, link: &str) -> Result<Response, Error> {
    let url = checked(transport, link)?;
    let mut attempt = 1;
    loop {
        let error = match transport.files.get(url.clone()).send().await {
            Ok(response) if response.status().is_success() => return Ok(response),
            Ok(response) => transport.refused(Operation::Download, response).await,
            Err(error) => transport.lost(Operation::Download, error),
        };
        transport.pause_or_return(attempt, error).await?;
        attempt += 1;
    }
}

fn checked(transport: &Transport, link: &str) -> Result<Url, Error> {
    let url = Url::parse(link).map_err(|_| Error::invalid("url", "it is no address"))?;
    let local = transport.base.scheme() == "http"
        && (check::is_loopback(&url) || url.host() == transport.base.host());
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "s3" => Err(Error::invalid(
            "url",
            "an s3 address cannot be downloaded without the bucket's credentials",
        )),
        _ => Err(Error::invalid("url", "it must be an https address")),
    }
}
