// One request, for what is prepared and checked around the measurements.

/**
 * The JSON that a server answers, or its text if that is no JSON. Fails with what it said if the status is not 2xx.
 */
export async function ask(method, url, { token, headers = {}, body } = {}) {
  const answer = await fetch(url, {
    method,
    redirect: "manual",
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 300)}`);
  return answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
}
