import java.io.File;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.RequestBuilder;
import org.apache.http.entity.ContentType;
import org.apache.http.entity.FileEntity;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.util.EntityUtils;

/** Apache HttpClient 4.5. See test_clients.py for the arguments. */
public class Apache4 {
    public static void main(String[] arguments) throws Exception {
        RequestConfig config =
            RequestConfig.custom().setExpectContinueEnabled(arguments[0].equals("expect")).build();
        try (CloseableHttpClient client = HttpClients.createDefault()) {
            for (int at = 1; at < arguments.length; at += 4) {
                RequestBuilder request =
                    RequestBuilder.create(arguments[at]).setUri(arguments[at + 1]).setConfig(config);
                if (!arguments[at].equals("GET")) {
                    FileEntity body = new FileEntity(new File(arguments[at + 3]), ContentType.parse(arguments[at + 2]));
                    body.setChunked(arguments[0].equals("stream"));
                    request.setEntity(body);
                }
                try (CloseableHttpResponse response = client.execute(request.build())) {
                    EntityUtils.consume(response.getEntity());
                    System.out.print(response.getStatusLine().getStatusCode() + " ");
                }
            }
        }
    }
}
