import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;

/** Java's own client as it is made without settings, which offers HTTP/2 (h2c). See test_clients.py for the arguments. */
public class Jdk {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        boolean expects = arguments[0].equals("expect");
        boolean streams = arguments[0].equals("stream"); // chunked: no length is known
        for (int at = 1; at < arguments.length; at += 4) {
            Path file = Path.of(arguments[at + 3]);
            BodyPublisher body = streams
                ? BodyPublishers.ofInputStream(() -> open(file))
                : BodyPublishers.ofFile(file);
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(arguments[at + 1]));
            if (arguments[at].equals("GET")) {
                request.GET();
            } else {
                request.method(arguments[at], body).header("Content-Type", arguments[at + 2]).expectContinue(expects);
            }
            System.out.print(client.send(request.build(), BodyHandlers.ofString()).statusCode() + " ");
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // the client's threads are daemons of a pool that lingers
    }

    private static java.io.InputStream open(Path file) {
        try {
            return Files.newInputStream(file);
        } catch (java.io.IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }
}
