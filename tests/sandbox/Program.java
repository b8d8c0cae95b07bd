// What an ordinary Java program does: threads, processes, files, sockets, interfaces.
import java.io.InputStream;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.IntStream;

public class Program {
  static void expect(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  static String read(InputStream in) throws Exception {
    return new String(in.readAllBytes()).strip();
  }

  static void talk() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread thread = new Thread(() -> {
        try (Socket socket = server.accept()) {
          socket.getOutputStream().write("hello".getBytes());
        } catch (Exception error) {
          throw new RuntimeException(error);
        }
      });
      thread.start();
      try (Socket socket = new Socket(server.getInetAddress(), server.getLocalPort())) {
        expect(read(socket.getInputStream()).equals("hello"), "another answer");
      }
      thread.join();
    }
    expect(NetworkInterface.getNetworkInterfaces() != null, "no interfaces");
  }

  public static void main(String[] arguments) throws Exception {
    expect(IntStream.range(0, 100).parallel().map(n -> n * n).sum() == 328350, "another sum");
    Process process = new ProcessBuilder("sh", "-c", "echo $((6 * 7))").start();
    expect(read(process.getInputStream()).equals("42") && process.waitFor() == 0, "another output");
    Path file = Files.createTempFile("program-", "");
    Files.write(file, new byte[1 << 16]);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    expect(Files.size(file) == 1 << 16, "another size");
    Files.delete(file);
    System.gc();
    talk();
    System.out.println("all went well");
  }
}
