import java.io.File;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.FileEntity;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;

/** Apache HttpClient 5, which offers TLS by Upgrade. See test_clients.py for the arguments. */
public class Apache5 {
    public static void main(String[] arguments) throws Exception {
        HttpClientContext context = HttpClientContext.create();
        context.setRequestConfig(
            RequestConfig.custom().setExpectContinueEnabled(arguments[0].equals("expect")).build());
        try (CloseableHttpClient client = HttpClients.createDefault()) {
            for (int at = 1; at < arguments.length; at += 4) {
                ClassicRequestBuilder request =
                    ClassicRequestBuilder.create(arguments[at]).setUri(arguments[at + 1]);
                if (!arguments[at].equals("GET")) {
                    request.setEntity(new FileEntity(new File(arguments[at + 3]), ContentType.parse(arguments[at + 2])));
                }
                int status = client.execute(request.build(), context, response -> {
                    EntityUtils.consume(response.getEntity());
                    return response.getCode();
                });
                System.out.print(status + " ");
            }
        }
    }
}
