//! Two users share one pipeline: one is cancelled, one is resumed by another pipeline.
//!
//! Both use the same models, devices and storage. Each is a flow, so that neither waits for all the
//! work of the other, and the owner of what is stored for it. The first user's request is cancelled
//! while its cut-outs are made. The pipeline is closed while D-ID makes the second user's video, as
//! at a restart of a service. Another pipeline over the same storage then finds the order by the
//! photo's id and fetches the video, which is paid for once.
//!
//! The talks are made by a stand-in for D-ID on this machine. It needs no account and costs nothing.
//!
//! `cargo run --release -p portrait-examples --example two_users -- photo.jpg`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Result, bail};
use futures::StreamExt;
use portrait_d_id_fake::FakeDid;
use portrait_examples::CommandLine;
use portrait_pipeline::d_id::{Client, WaitOptions};
use portrait_pipeline::{
    Context, Error, Feed, Message, Outcome, Photo, Pipeline, Progress, Request, Stage, Step,
    Storage,
};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<()> {
    let line = CommandLine::read(std::env::args().skip(1), "two_users PHOTO")?;
    // Each photo has an id of its own, also where two files are equal.
    let (first, second) = (line.photo()?, line.photo()?);
    let (first_id, second_id) = (first.id(), second.id());

    let d_id = FakeDid::builder().talk_duration(Duration::from_secs(2)).start().await?;
    let client = Client::builder().base_url(d_id.base_url()).key(d_id.key()).build()?;
    // `Storage::local("data")?` would keep everything in a folder.
    let storage = Storage::memory();
    let start = async || -> Result<Pipeline> {
        Ok(line.pipeline()?.storage(storage.clone()).d_id(client.clone()).build().await?)
    };

    let pipeline = start().await?;
    let (user_1, feed_1) = user(&pipeline, "user 1");
    let (user_2, feed_2) = user(&pipeline, "user 2");
    let stop = async {
        cancel(user_1, first, &feed_1).await?;
        reached(&feed_2, Stage::Video).await;
        println!("the pipeline is closed");
        pipeline.close(Duration::ZERO).await;
        anyhow::Ok(())
    };
    let (stopped, interrupted) = tokio::join!(stop, run(user_2, second));
    stopped?;
    match interrupted {
        Ok(_) => bail!("user 2 was finished before the pipeline was closed"),
        Err(Error::Closing) => println!("user 2 is interrupted: {}", Error::Closing),
        Err(error) => return Err(error.into()),
    }

    // Another pipeline, which knows nothing but the storage, as in the next process.
    let pipeline = start().await?;
    for photo in pipeline.unfinished().await? {
        let (user_2, _feed) = user(&pipeline, "user 2");
        for person in user_2.resume(photo, &wait()).await? {
            let (id, video) = (person.person_id, person.result?);
            println!("user 2 is resumed: a video of person {id}, {} bytes", video.bytes);
        }
    }
    println!("talks that D-ID was paid for: {}", d_id.talks().len());

    let found = pipeline.detections(second_id).await?;
    let persons = found.map_or(0, |found| found.persons.len());
    let cut_outs = pipeline.cut_outs(second_id).await?;
    println!("kept of the photo of user 2: {persons} persons, {} cut-outs", cut_outs.len());
    for cut_out in cut_outs {
        let about = storage.about(cut_out.meta.key).await?;
        let owner = about.and_then(|about| about.owner).unwrap_or_default();
        println!("the cut-out of person {} belongs to {owner}", cut_out.person_id);
    }
    let removal = pipeline.delete(first_id).await?;
    println!("the photo of user 1 is deleted: {} files here", removal.artifacts);
    Ok(())
}

/// The pipeline for one user, and what can be seen of the user's request.
fn user(pipeline: &Pipeline, name: &str) -> (Pipeline, Feed) {
    let (progress, feed) = Progress::feed(name);
    let context = Context {
        flow: Some(name.into()),
        owner: Some(name.into()),
        progress,
        ..Context::default()
    };
    (pipeline.with(context), feed)
}

/// All steps for one user.
async fn run(user: Pipeline, photo: Photo) -> Result<Outcome, Error> {
    let message = Message { wait: wait(), ..Message::text("Hello! I have just learned to talk.") };
    user.run(Request::new(photo).say(message)).await
}

/// Starts a user's request and drops its future while the cut-outs are made.
async fn cancel(user: Pipeline, photo: Photo, feed: &Feed) -> Result<()> {
    tokio::select! {
        outcome = run(user, photo) => {
            outcome?;
            bail!("user 1 was finished before it was cancelled");
        }
        () = reached(feed, Stage::Segmentation) => {}
    }
    println!("user 1 is cancelled");
    Ok(())
}

/// Tells what happens until this stage begins, or the request ends.
async fn reached(feed: &Feed, stage: Stage) {
    let mut updates = feed.updates();
    while let Some(update) = updates.next().await {
        if update.event.step == Step::Started {
            let percent = 100.0 * update.fraction;
            println!("{}: {} begins, {percent:.0} % done", update.job, update.event.stage);
            if update.event.stage == stage {
                return;
            }
        }
    }
}

/// The stand-in is faster than D-ID.
fn wait() -> WaitOptions {
    WaitOptions { first_pause: Duration::from_millis(100), ..WaitOptions::default() }
}
