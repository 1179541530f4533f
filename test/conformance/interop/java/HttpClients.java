import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.TreeMap;

/** Java's HttpClient: `java HttpClients.java h1|upgrade PORT`; `upgrade` offers h2c with the first request. */
public class HttpClients {
  private static HttpClient client;
  private static String base;

  public static void main(String[] arguments) throws Exception {
    var version = arguments[0].equals("h1") ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2;
    client = HttpClient.newBuilder().version(version).followRedirects(HttpClient.Redirect.NEVER).build();
    base = "http://127.0.0.1:" + arguments[1];
    var none = BodyPublishers.noBody();
    ask("GET", "GET", "/a?q=%2F", none, false);
    ask("HEAD", "HEAD", "/head", none, false);
    ask("DELETE", "DELETE", "/thing", none, false);
    ask("POST with a length", "POST", "/post", BodyPublishers.ofByteArray(new byte[100_000]), false);
    ask("POST in chunks", "POST", "/post",
        BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[200_000])), false);
    ask("Expect: 100-continue", "PUT", "/put", BodyPublishers.ofString("after the go-ahead"), true);
    ask("204", "GET", "/status/204", none, false);
    ask("302", "GET", "/status/302", none, false);
    ask("503", "GET", "/status/503", none, false);
    ask("an answer of 1 MiB", "GET", "/large", none, false);
  }

  private static void ask(String name, String method, String path, BodyPublisher body, boolean expect)
      throws Exception {
    var request = HttpRequest.newBuilder(URI.create(base + path)).method(method, body).header("X-Two", "first")
        .header("X-Two", "second").timeout(Duration.ofSeconds(30)).expectContinue(expect).build();
    HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
    System.out.println("## " + name);
    System.out.println(answer.version() + " " + answer.statusCode());
    new TreeMap<>(answer.headers().map()).forEach((key, values) -> System.out.println(key + ": " + values));
    System.out.println(answer.body().length() < 8000 ? answer.body() : answer.body().length() + " octets");
  }
}
