use std::io::Cursor;

use portrait_d_id_fake::{FakeDid, FakeDidBuilder};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// A caller with the right key.
pub(crate) struct Caller {
    pub(crate) fake: FakeDid,
    pub(crate) http: Client,
}

impl Caller {
    pub(crate) async fn to(fake: FakeDidBuilder) -> Caller {
        Caller { fake: fake.start().await.unwrap(), http: Client::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.fake.base_url())
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Response {
        let (user, password) = self.fake.key().split_once(':').unwrap();
        request.basic_auth(user, Some(password)).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.send(self.http.get(self.url(path))).await).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.send(self.http.delete(self.url(path))).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.send(self.http.post(self.url(path)).json(body)).await).await
    }

    pub(crate) async fn form(&self, path: &str, form: Form) -> (u16, Value) {
        answer(self.send(self.http.post(self.url(path)).multipart(form)).await).await
    }

    pub(crate) async fn upload(&self, bytes: Vec<u8>) -> (u16, Value) {
        let part = Part::bytes(bytes).file_name("face.png");
        self.form("images", Form::new().part("image", part)).await
    }

    /// Creates a talk of a fresh picture.
    pub(crate) async fn talk(&self) -> String {
        let (_, picture) = self.upload(png(200, 200)).await;
        let (status, talk) = self.post("talks", &order(&picture["url"])).await;
        assert_eq!(status, 201, "{talk}");
        talk["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub(crate) fn order(source_url: &Value) -> Value {
    json!({ "source_url": source_url, "script": { "type": "text", "input": "Hello there" } })
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::GrayImage::new(width, height)
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
        .unwrap();
    bytes
}
