// No validator badge: it would be asked of another host.
SwaggerUIBundle({
  url: "/api/docs-json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: "none",
});
