#if Server
  import AviaryPlatform
  import HummingbirdCore
  import Logging
  import NIOCore
  import NIOHTTP1
  import NIOHTTPTypesHTTP1
  import Synchronization

  /// Connections of HTTP/1.1, and of HTTP/1.0, whose requests say by their version that nothing follows.
  struct ConnectionSetup: ServerChildChannel {
    let channel: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
      self.channel.setup(channel: channel, logger: logger).flatMapThrowing { value in
        let pipeline = channel.pipeline.syncOperations
        let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
        try pipeline.addHandler(LastRequests(), position: .before(codec))
        return value
      }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
      await channel.handle(value: value, logger: logger)
    }
  }

  /// Gives the last request of a connection the header by which the server knows it: `Connection: close`, in these letters.
  /// Clients of HTTP/1.0 know no answer before the answer, which `Expect` asks for.
  private final class LastRequests: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .head(var head) = unwrapInboundIn(data), !head.isKeepAlive || head.version == .http1_0 else {
        return context.fireChannelRead(data)
      }
      if !head.isKeepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
      if head.version == .http1_0 { head.headers.remove(name: "Expect") }
      context.fireChannelRead(wrapInboundOut(.head(head)))
    }
  }

  /// The socket that takes connections.
  final class ListeningSocket: Sendable {
    private let channel = Mutex<(any Channel)?>(nil)

    func open(_ channel: any Channel) { self.channel.withLock { $0 = channel } }

    /// How many connections the system has taken that the server has not, because it has as many as it may or is busy. They
    /// are lost when the socket is closed. 0 where the system does not say.
    func waiting() async -> Int {
      guard let option = TCPState.option, let socket = channel.withLock({ $0 }) as? any SocketOptionProvider else {
        return 0
      }
      let told: TCPState.Told? = try? await socket.unsafeGetSocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: option)
      ).get()
      return told.map { TCPState($0).waiting } ?? 0
    }
  }
#endif
