#if Server
  import Hummingbird
  import HummingbirdCore
  import HTTPTypes
  import Logging
  import NIOCore
  import NIOHTTPTypes

  /// What a request comes with: its connection.
  struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
      coreContext = .init(source: source)
      channel = source.channel
    }
  }

  /// Hands requests to the service and its answers back.
  struct Responder: HTTPResponder {
    let service: InferenceService

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
      let start = ContinuousClock.now
      let head = RequestHead(request.head)
      let id = head.id ?? String(UInt64.random(in: .min ... .max), radix: 16)
      var route: Route?
      var isRead = !Self.announcesBody(request.head)
      var bytes = 0
      // Held until the answer is there.
      let share = service.bodies.share()
      let answer: WebResponse
      do throws(ServingFault) {
        let (deadline, seconds) = try service.deadline(head)
        let admitted = try service.admitted(head)
        route = admitted
        var body: [UInt8] = []
        if admitted.hasBody {
          if head.headers["expect"]?.lowercased() == "100-continue" {
            try? await context.channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
          }
          let weight = service.weight(of: admitted, head)
          body = try await inTime(deadline, else: .slowRequest(seconds: seconds)) { () async throws(ServingFault) in
            try await Self.collected(
              request.body, length: head.headers["content-length"].flatMap { Int($0) },
              limit: service.options.bodyLimit, weight: weight, share)
          }
          isRead = true
        }
        bytes = body.count
        answer = await service.response(
          to: WebRequest(head, body: body, deadline: deadline, seconds: seconds), admitted)
      } catch {
        answer = WebResponse(error)
      }
      service.finish(
        head, route, answer, seconds: (ContinuousClock.now - start).inSeconds, bytes: bytes, id: id)
      return Self.response(
        answer, to: head, id: id, closing: isRead && !service.isDraining ? nil : context.channel)
    }

    private static func announcesBody(_ head: HTTPRequest) -> Bool {
      head.headerFields[.transferEncoding] != nil || (head.headerFields[.contentLength].map { $0 != "0" } ?? false)
    }

    private static func collected(
      _ body: RequestBody, length: Int?, limit: Int, weight: Int, _ share: ByteBudget.Share
    ) async throws(ServingFault) -> [UInt8] {
      var bytes: [UInt8] = []
      do {
        for try await part in body {
          guard bytes.count + part.readableBytes <= limit else { throw ServingFault.bodyTooLarge(limit: limit) }
          try share.grow(by: part.readableBytes * weight)
          bytes.append(contentsOf: part.readableBytesView)
        }
      } catch let fault as ServingFault {
        throw fault
      } catch {
        throw Task.isCancelled
          ? ServingFault.cancelled : .malformed("the body broke off, or is not sent as HTTP asks: \(error)")
      }
      // A client that goes ends the body, too.
      if Task.isCancelled || length.map({ $0 != bytes.count }) ?? false { throw .cancelled }
      return bytes
    }

    /// - Parameters:
    ///   - closing: the connection, where it ends here: what is left of the request is not read, as it would never end, or
    ///     others wait for a connection to a server that is about to end.
    private static func response(
      _ answer: WebResponse, to head: RequestHead, id: String, closing channel: (any Channel)?
    ) -> Response {
      var fields = HTTPFields()
      for (name, value) in answer.headers {
        if let name = HTTPField.Name(name) { fields[name] = value }
      }
      if let name = HTTPField.Name("X-Request-Id") { fields[name] = id }
      fields[.contentLength] = "\(answer.body.count)"
      // A client of HTTP/1.0 that asks for further requests expects to read that it may send them.
      let asked = head.headers["connection"]?.lowercased()
      if channel != nil || asked == "close" {
        fields[.connection] = "close"
      } else if asked == "keep-alive" {
        fields[.connection] = "keep-alive"
      }
      let bytes = ByteBuffer(bytes: head.method == .head ? [] : answer.body)
      let status = HTTPResponse.Status(code: answer.status)
      guard let channel else { return Response(status: status, headers: fields, body: .init(byteBuffer: bytes)) }
      return Response(
        status: status, headers: fields,
        body: .init(contentLength: bytes.readableBytes) { writer in
          try await writer.write(bytes)
          try await writer.finish(nil)
          // The client sees the end of the answer, and has a moment to read it.
          channel.close(mode: .output, promise: nil)
          _ = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        })
    }
  }

  extension RequestHead {
    init(_ head: HTTPRequest) {
      let method: Method =
        switch head.method {
        case .get: .get
        case .head: .head
        case .post: .post
        default: .other
        }
      var headers: [String: String] = [:]
      for field in head.headerFields where headers[field.name.canonicalName] == nil {
        headers[field.name.canonicalName] = field.value
      }
      self.init(method, head.path ?? "/", headers: headers)
    }

    /// The client's name for the request, if it can be written in a line.
    var id: String? {
      if let given = headers["x-request-id"], (1...64).contains(given.utf8.count),
        given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
      {
        return given
      }
      return nil
    }
  }
#endif
