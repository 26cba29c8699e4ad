//! One operation: what is asked, what is answered, and with which codes it may be refused.

use std::collections::BTreeMap;

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use schemas::{Code, limits};
use serde_json::{Map, Value, json};

use super::Schemas;
use crate::error::Wire;
use crate::state::api;

/// The schema of a type, its parts named in the generator.
type Make = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Whose token a request carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Nobody's.
    Public,
    /// The caller's.
    Bearer,
    /// The caller's, or none.
    Either,
}

/// An operation of the API. What all have (401 without a token, 429, 500, 503) is added when it is
/// written.
pub(crate) struct Operation {
    /// The first one is the one to use, the others mean the same.
    methods: Vec<Method>,
    path: String,
    id: &'static str,
    about: &'static str,
    access: Access,
    params: Vec<Param>,
    body: Option<Make>,
    answer: Option<(u16, Make)>,
    /// Headers that only its success has.
    headers: Vec<&'static str>,
    codes: Vec<Code>,
}

struct Param {
    place: &'static str,
    name: &'static str,
    about: &'static str,
    need: Need,
    schema: Shape,
}

enum Shape {
    Type(Make),
    Inline(Value),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    May,
}

fn operation(methods: &[Method], path: &str, id: &'static str, about: &'static str) -> Operation {
    Operation {
        methods: methods.to_vec(),
        path: api(path),
        id,
        about,
        access: Access::Bearer,
        params: Vec::new(),
        body: None,
        answer: None,
        headers: Vec::new(),
        codes: Vec::new(),
    }
}

/// `GET`, by the path below `/api/v1`.
pub(crate) fn get(path: &str, id: &'static str, about: &'static str) -> Operation {
    operation(&[Method::GET], path, id, about)
}

/// `POST`.
pub(crate) fn post(path: &str, id: &'static str, about: &'static str) -> Operation {
    operation(&[Method::POST], path, id, about)
}

/// `PUT`, and `PATCH` with the same meaning, as everywhere.
pub(crate) fn put(path: &str, id: &'static str, about: &'static str) -> Operation {
    operation(&[Method::PUT, Method::PATCH], path, id, about)
}

/// `DELETE`.
pub(crate) fn delete(path: &str, id: &'static str, about: &'static str) -> Operation {
    operation(&[Method::DELETE], path, id, about)
}

impl Operation {
    /// Outside of `/api/v1`.
    pub(crate) fn at_root(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self.public()
    }

    /// Without a token.
    pub(crate) fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// With a token or without.
    pub(crate) fn open(mut self) -> Self {
        self.access = Access::Either;
        self
    }

    /// An id in the path.
    pub(crate) fn id<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.param("path", name, about, Need::Must, Shape::Type(of::<T>))
            .refuses(&[Code::MalformedId])
    }

    /// Something else in the path.
    pub(crate) fn part(self, name: &'static str, about: &'static str, schema: Value) -> Self {
        self.param("path", name, about, Need::Must, Shape::Inline(schema))
            .refuses(&[Code::ValidationFailed])
    }

    /// A query parameter.
    pub(crate) fn query(self, name: &'static str, about: &'static str, schema: Value) -> Self {
        self.param("query", name, about, Need::May, Shape::Inline(schema))
            .refuses(&[Code::ValidationFailed])
    }

    /// A query parameter that is an id.
    pub(crate) fn query_id<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.param("query", name, about, Need::May, Shape::Type(of::<T>))
            .refuses(&[Code::ValidationFailed, Code::MalformedId])
    }

    /// The last parameter must be given.
    pub(crate) fn required(mut self) -> Self {
        self.params.last_mut().unwrap().need = Need::Must;
        self
    }

    /// `page` and `limit`.
    pub(crate) fn page(self, default: u32) -> Self {
        let limit = format!("Items on the page; more than {} are taken as that.", limits::PAGE_MAX);
        let whole = |default| json!({ "type": "integer", "minimum": 1, "maximum": limits::WHOLE_MAX, "default": default });
        self.query("page", "Which page, from 1.", whole(1)).query(
            "limit",
            String::leak(limit),
            whole(default),
        )
    }

    /// `cursor`, of so many bytes.
    pub(crate) fn cursor<const N: usize>(self) -> Self {
        // Base64 without padding: the last digit of a rest carries 2 or 4 bits.
        let (whole, rest) =
            (N / 3 * 4, ["", "[A-Za-z0-9_-][AQgw]", "[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]"][N % 3]);
        let pattern = format!("^[A-Za-z0-9_-]{{{whole}}}{rest}$");
        self.query(
            "cursor",
            "`nextCursor` of the page before; instead of `page`.",
            json!({ "type": "string", "pattern": pattern }),
        )
    }

    /// A query parameter that is true or false.
    pub(crate) fn flag(self, name: &'static str, about: &'static str) -> Self {
        self.query(name, about, json!({ "enum": [true, false, 1, 0], "default": false }))
    }

    /// The header `Idempotency-Key`.
    pub(crate) fn keyed(self) -> Self {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": limits::CLIENT_ID_CHARS, "pattern": "^[!-~]+$" });
        let about = "Makes the request safe to repeat: the same key is the same request.";
        self.param("header", "Idempotency-Key", about, Need::May, Shape::Inline(schema))
            .refuses(&[Code::ValidationFailed, Code::IdempotencyMismatch])
    }

    fn param(
        mut self,
        place: &'static str,
        name: &'static str,
        about: &'static str,
        need: Need,
        schema: Shape,
    ) -> Self {
        self.params.push(Param { place, name, about, need, schema });
        self
    }

    /// A body; it may be left out if none of its fields must be given.
    pub(crate) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(of::<T>);
        self.refuses(&[
            Code::ValidationFailed,
            Code::MalformedJson,
            Code::UnknownField,
            Code::TooLarge,
        ])
    }

    /// The status of success and the type of its `data`.
    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answer = Some((status, of::<T>));
        self
    }

    /// Its `data` is an array, so that the cursor of the next page is in a header.
    pub(crate) fn next_in_header(mut self) -> Self {
        self.headers.push("X-Next-Cursor");
        self
    }

    /// It appends a command and waits for its outcome, which may stay unknown.
    pub(crate) fn publishes(self) -> Self {
        self.refuses(&[Code::OutcomeUnknown])
    }

    /// Codes of its refusals, besides those that come with its parts.
    pub(crate) fn refuses(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// Method and path, as routes have them.
    pub(super) fn routes(&self) -> impl Iterator<Item = (Method, &str)> {
        self.methods.iter().map(|method| (method.clone(), self.path.as_str()))
    }

    /// Its entries in the document: path, method, description.
    pub(super) fn write(self, schemas: &mut Schemas) -> Vec<(String, String, Value)> {
        let mut all = Vec::new();
        for (at, method) in self.methods.iter().enumerate() {
            let method = method.as_str().to_lowercase();
            let id = if at == 0 { self.id.to_owned() } else { format!("{}_{method}", self.id) };
            all.push((self.path.clone(), method, self.described(schemas, &id)));
        }
        all
    }

    fn described(&self, schemas: &mut Schemas, id: &str) -> Value {
        let noun = self.path.strip_prefix("/api/v1/").and_then(|path| path.split('/').next());
        let mut described = Map::new();
        let mut put = |name: &str, value: Value| described.insert(name.to_owned(), value);
        put("operationId", id.into());
        put("summary", self.about.into());
        put("tags", json!([noun.unwrap_or("operations")]));
        put("security", self.security());
        if !self.params.is_empty() {
            put("parameters", self.params.iter().map(|param| param.write(schemas)).collect());
        }
        if let Some(body) = self.body {
            let schema = body(&mut schemas.asked);
            let required = schemas.requires(&schema);
            let content = json!({ "application/json": { "schema": schema } });
            put("requestBody", json!({ "required": required, "content": content }));
        }
        put("responses", self.responses(schemas).into());
        described.into()
    }

    fn security(&self) -> Value {
        match self.access {
            Access::Public => json!([]),
            Access::Bearer => json!([{ "bearer": [] }]),
            Access::Either => json!([{ "bearer": [] }, {}]),
        }
    }

    /// What every operation may be refused with, and this one.
    fn all_codes(&self) -> Vec<Code> {
        let mut codes = self.codes.clone();
        codes.extend([Code::Internal, Code::Overloaded]);
        if self.path.starts_with("/api/v1/") {
            codes.push(Code::RateLimited);
        }
        if self.access != Access::Public {
            codes.extend([Code::Unauthenticated, Code::TokenExpired, Code::SessionEnded]);
        }
        codes
    }

    fn responses(&self, schemas: &mut Schemas) -> Map<String, Value> {
        let mut responses = Map::new();
        let (status, answer) = self.answer.expect("every operation answers something");
        let schema = json!({
            "type": "object",
            "properties": {
                "success": { "const": true },
                "data": answer(&mut schemas.said),
                "timestamp": schemas.said.subschema_for::<schemas::Timestamp>(),
            },
            "required": ["success", "data", "timestamp"],
        });
        responses.insert(status.to_string(), response("Done.", &schema, &self.headers));

        let refused = self.all_codes();
        let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in Code::ALL.iter().filter(|code| refused.contains(code)) {
            by_status.entry(code.status()).or_default().push(code.text());
        }
        for (status, codes) in by_status {
            // Most operations are refused alike: what is the same is written once.
            let name = format!("{status}.{}", codes.join("."));
            let at = format!("#/components/responses/{name}");
            responses.insert(status.to_string(), json!({ "$ref": at }));
            let about = format!("`{}`", codes.join("`, `"));
            let error = schemas.said.subschema_for::<Wire<'static>>();
            let these = json!({ "properties": { "statusCode": { "const": status }, "code": { "enum": codes } } });
            let schema = json!({ "allOf": [error, these] });
            let own: &[&str] = match status {
                401 => &["WWW-Authenticate"],
                429 | 503 => &["Retry-After"],
                _ => &[],
            };
            schemas.refusals.insert(name, response(&about, &schema, own));
        }
        responses
    }
}

/// An answer, with the headers that all have and its own.
fn response(about: &str, schema: &Value, own: &[&str]) -> Value {
    let counted = [
        "RateLimit",
        "RateLimit-Policy",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ];
    let headers: Map<String, Value> = ["X-Request-Id"]
        .iter()
        .chain(&counted)
        .chain(own)
        .map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
        .collect();
    let content = json!({ "application/json": { "schema": schema } });
    json!({ "description": about, "headers": headers, "content": content })
}

impl Param {
    fn write(&self, schemas: &mut Schemas) -> Value {
        let schema = match &self.schema {
            Shape::Type(make) => make(&mut schemas.asked).into(),
            Shape::Inline(schema) => schema.clone(),
        };
        let mut written = json!({
            "in": self.place,
            "name": self.name,
            "description": self.about,
            "required": self.need == Need::Must,
            "schema": schema,
        });
        if self.place == "query" && self.need == Need::May {
            // Means the same as none.
            written["allowEmptyValue"] = true.into();
        }
        written
    }
}

/// Headers of answers, by name.
pub(super) fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({ "description": about, "schema": schema });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let always = |mut header: Value| {
        header["required"] = true.into();
        header
    };
    let text = || json!({ "type": "string" });
    json!({
        "X-Request-Id": always(header("Finds the request in the server's log.", text())),
        "RateLimit-Policy": header("Class, requests at once, seconds until as many are back; absent where nothing is counted.", text()),
        "RateLimit": header("Class, requests left, seconds until the limit is whole again.", text()),
        "X-RateLimit-Limit": header("Requests at once.", number()),
        "X-RateLimit-Remaining": header("Requests left.", number()),
        "X-RateLimit-Reset": header("Seconds until the limit is whole again.", number()),
        "X-Next-Cursor": header("Gives the next page as `cursor`; absent at the end.", text()),
        "Retry-After": header("Seconds to wait before the same request may succeed.", number()),
        "WWW-Authenticate": always(header("`Bearer`.", json!({ "const": "Bearer" }))),
    })
}
