import java.io.File;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** OkHttp 3, the client of Android. See test_clients.py for the arguments. */
public class OkHttp {
    public static void main(String[] arguments) throws Exception {
        OkHttpClient client = new OkHttpClient();
        for (int at = 1; at < arguments.length; at += 4) {
            Request.Builder request = new Request.Builder().url(arguments[at + 1]);
            if (!arguments[at].equals("GET")) {
                MediaType kind = MediaType.parse(arguments[at + 2]);
                request.method(arguments[at], RequestBody.create(kind, new File(arguments[at + 3])));
            }
            if (arguments[0].equals("expect")) {
                request.header("Expect", "100-continue");
            }
            try (Response response = client.newCall(request.build()).execute()) {
                response.body().bytes();
                System.out.print(response.code() + " ");
            }
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // the pool's threads would be awaited for a minute
    }
}
