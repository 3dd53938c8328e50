// swift-format-ignore-file: OnlyOneTrailingClosureArgument

#if Server
  import Aviary
  import AviaryPlatform
  import Foundation
  import Synchronization
  import Testing

  @testable import AviaryServing

  /// A connection to this machine that sends what it is told, and nothing else.
  final class RawConnection: Sendable {
    private let descriptor: Int32

    init?(port: Int) {
      // What the other side has closed is seen by the count.
      signal(SIGPIPE, SIG_IGN)
      descriptor = socket(AF_INET, Self.number(SOCK_STREAM), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var patience = timeval(tv_sec: 600, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      let size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
      }
      if status != 0 { return nil }
    }

    deinit { close(descriptor) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool { Self.sent(descriptor, bytes) == bytes.count }

    private static func sent(_ descriptor: Int32, _ bytes: [UInt8]) -> Int {
      write(descriptor, bytes, bytes.count)
    }

    /// The constant is a number on some systems, and of a type of its own on others.
    private static func number(_ constant: Int32) -> Int32 { constant }
    private static func number(_ constant: some RawRepresentable<UInt32>) -> Int32 { Int32(constant.rawValue) }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Everything until the other side closes.
    func rest() -> String {
      var all: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count <= 0 { return String(decoding: all, as: UTF8.self) }
        all += buffer[..<count]
      }
    }

    /// So many bytes, or fewer if the other side closes.
    func read(_ count: Int) -> String {
      var all: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: count)
      while all.count < count {
        let got = recv(descriptor, &buffer, count - all.count, 0)
        if got <= 0 { break }
        all += buffer[..<got]
      }
      return String(decoding: all, as: UTF8.self)
    }

    /// Bytes until they end with those of a text, or the other side closes.
    func read(until ending: String) -> String {
      var all = ""
      var byte: [UInt8] = [0]
      while !all.hasSuffix(ending), recv(descriptor, &byte, 1, 0) == 1 {
        all.unicodeScalars.append(Unicode.Scalar(byte[0]))
      }
      return all
    }
  }

  extension [UInt8] {
    /// A request whose body these bytes are.
    func posted(to target: String, headers: [String] = []) -> [UInt8] {
      let lines = ["POST \(target) HTTP/1.1", "Host: localhost", "Content-Length: \(count)"] + headers
      return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + self
    }
  }

  /// The service on a real port.
  @Suite(.timeLimit(.minutes(1))) struct ServerTests {
    private let folder: Scratch

    init() throws { folder = try Scratch() }

    /// Runs a server while `body` talks to it, then stops it; returns when it has ended.
    private func serving(
      _ service: InferenceService, change: (inout HTTPServer.Options) -> Void = { _ in },
      _ body: @escaping @Sendable (_ port: Int, _ stop: @Sendable () -> Void) async throws -> Void
    ) async throws {
      var options = HTTPServer.Options()
      options.port = 0
      options.grace = .milliseconds(30)
      options.polling = nil
      change(&options)
      let server = HTTPServer(service, options: options)
      let (stops, stopper) = AsyncStream<Void>.makeStream()
      let (ports, found) = AsyncStream<Int>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          defer { found.finish() }
          try await server.run(until: stops) { found.yield($0) }
        }
        group.addTask {
          defer { stopper.finish() }
          for await port in ports { return try await body(port) { stopper.finish() } }
        }
        try await group.waitForAll()
      }
    }

    private func service(change: (inout InferenceService.Options) -> Void = { _ in }) throws -> InferenceService {
      try Toy.service(["pets": try Toy.images()], in: folder, change: change)
    }

    @Test func requestsAreAnsweredOneAfterTheOther() async throws {
      let service = try service()
      let expected = await service.answer(.post, "/predict", Toy.jpeg()).text
      try await serving(service) { port, _ in
        let connection = try #require(RawConnection(port: port))
        for _ in 0..<2 {
          connection.send(Toy.jpeg().posted(to: "/predict", headers: ["X-Request-Id: my-1"]))
          let (head, body) = await onThread {
            (connection.read(until: "\r\n\r\n"), connection.read(expected.utf8.count))
          }
          #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("X-Request-Id: my-1"), "\(head)")
          #expect(head.contains("Content-Length: \(expected.utf8.count)\r\n") && body == expected)
        }
      }
    }

    private func shares(_ text: String) -> [String: Float] {
      classes((try? JSONValue(parsing: text))?["predictions"]?.elements?.first?["classes"])
    }

    @Test func manyClientsShareBatches() async throws {
      let service = try service()
      var expected: [[String: Float]] = []
      for shade in 0..<4 { expected.append(shares(await service.answer(.post, "/predict", Toy.jpeg(shade)).text)) }
      let wanted = expected
      try await serving(service) { port, _ in
        let answers = await withTaskGroup(of: (Int, String).self) { group in
          for number in 0..<24 {
            group.addTask {
              await onThread {
                let connection = RawConnection(port: port)
                connection?.send(Toy.jpeg(number % 4).posted(to: "/predict", headers: ["Connection: close"]))
                return (number, connection?.rest() ?? "")
              }
            }
          }
          return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (number, answer) in answers {
          let body = answer.split(separator: "\r\n\r\n").last.map(String.init) ?? ""
          #expect(areClose(shares(body), wanted[number % 4]), "\(answer)")
        }
        #expect(answers.count == 24)
      }
    }

    /// Whoever asks to stop loses nothing of what has arrived.
    @Test func stoppingAnswersWhatHasArrived() async throws {
      let service = try service()
      try await serving(service, change: { $0.grace = .milliseconds(150) }) { port, stop in
        let connections = (0..<12).compactMap { _ in RawConnection(port: port) }
        for (number, connection) in connections.enumerated() {
          connection.send(Toy.jpeg(number).posted(to: "/predict"))
        }
        stop()
        let answers = await onThread { connections.map { $0.rest() } }
        #expect(answers.count == 12)
        for answer in answers { #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)") }
      }
      #expect(service.isDraining)
    }

    /// Also what the system has accepted while the server had as many connections as it may.
    @Test(.enabled(if: listeningSocketsTell)) func stoppingAnswersWhoWaitsForAConnection() async throws {
      let service = try service()
      try await serving(service, change: { $0.connections = 1 }) { port, stop in
        let first = try #require(RawConnection(port: port))
        first.send(Toy.jpeg().posted(to: "/predict"))
        _ = await onThread { first.read(until: "\r\n\r\n") }
        let others = (0..<3).compactMap { _ in RawConnection(port: port) }
        for other in others { other.send(Toy.jpeg().posted(to: "/predict")) }
        stop()
        // The first one keeps its connection for a while.
        try await Task.sleep(for: .milliseconds(100))
        first.send("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let answers = await onThread { others.map { $0.rest() } }
        #expect(answers.count == 3)
        for answer in answers { #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)") }
        #expect(await onThread { first.rest() }.contains("Connection: close\r\n"))
      }
    }

    private static var listeningSocketsTell: Bool {
      #if os(Linux)
        true
      #else
        false
      #endif
    }

    /// A connection ends after the answer where the client's version or header says so, in whichever letters.
    @Test(arguments: [
      ("1.0", "", "close"), ("1.0", "Connection: Keep-Alive\r\n", "keep-alive"),
      ("1.1", "Connection: Close\r\n", "close"), ("1.1", "", nil),
    ]) func connectionsEndAsClientsExpect(version: String, header: String, answer: String?) async throws {
      try await serving(try service()) { port, _ in
        let connection = try #require(RawConnection(port: port))
        let request = "GET /v2/health/live HTTP/\(version)\r\nHost: localhost\r\n\(header)\r\n"
        connection.send(request)
        let head = await onThread { connection.read(until: "\r\n\r\n") }
        #expect(head.contains("Connection: \(answer ?? "")\r\n") == (answer != nil), "\(head)")
        #expect(await onThread { connection.read(13) } == #"{"live":true}"#)
        if answer == "close" {
          #expect(await onThread { connection.rest() }.isEmpty)
        } else {
          connection.send(request)
          #expect(await onThread { connection.read(until: "\r\n\r\n") }.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
      }
    }

    @Test func whoIsSlowIsCutOff() async throws {
      let service = try service { $0.timeout = .milliseconds(300) }
      try await serving(service, change: { $0.idle = .milliseconds(300) }) { port, _ in
        // A head that does not end, and a body that trickles.
        let head = try #require(RawConnection(port: port))
        head.send("POST /predict HTTP/1.1\r\nHost: loc")
        let body = try #require(RawConnection(port: port))
        body.send("POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        let start = ContinuousClock.now
        let trickle = Task {
          while !Task.isCancelled, body.send("x") { try? await Task.sleep(for: .milliseconds(20)) }
        }
        let answers = await onThread { (head.rest(), body.rest()) }
        trickle.cancel()
        #expect(answers.0.isEmpty, "\(answers.0)")
        #expect(answers.1.hasPrefix("HTTP/1.1 408 ") && answers.1.contains("Connection: close\r\n"), "\(answers.1)")
        #expect(ContinuousClock.now - start < .seconds(10))
        // And others are served.
        let other = try #require(RawConnection(port: port))
        other.send("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(await onThread { other.rest() }.contains(#"{"live":true}"#))
      }
    }

    @Test func whatIsTooLargeIsNotRead() async throws {
      let service = try service { $0.bodyLimit = 2000 }
      try await serving(service, change: { $0.headLimit = 4000 }) { port, _ in
        func answer(_ text: String, _ bytes: [UInt8] = []) async throws -> String {
          let connection = try #require(RawConnection(port: port))
          connection.send(Array(text.utf8) + bytes)
          return await onThread { connection.rest() }
        }
        let declared = try await answer("POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2001\r\n\r\n")
        #expect(declared.hasPrefix("HTTP/1.1 413 "), "\(declared)")
        let chunk = "400\r\n" + String(repeating: "x", count: 1024) + "\r\n"
        let streamed = try await answer(
          "POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk)
        #expect(streamed.hasPrefix("HTTP/1.1 413 "), "\(streamed)")
        let head = try await answer(
          "GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 9000))\r\n\r\n")
        #expect(!head.contains("200 OK"), "\(head)")
        let noise = try await answer("\u{1}\u{2} nothing of the kind\r\n\r\n")
        #expect(!noise.contains("200 OK"), "\(noise)")
        let unread = try await answer("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        #expect(unread.hasPrefix("HTTP/1.1 404 ") && unread.contains("Connection: close"), "\(unread)")
      }
    }

    @Test func largeBodiesAreAskedFor() async throws {
      try await serving(try service()) { port, _ in
        let connection = try #require(RawConnection(port: port))
        let request = Toy.jpeg().posted(to: "/predict", headers: ["Expect: 100-continue", "Connection: close"])
        connection.send(Array(request.dropLast(Toy.jpeg().count)))
        let head = await onThread { connection.read(until: "\r\n\r\n") }
        #expect(head.hasPrefix("HTTP/1.1 100 Continue\r\n"), "\(head)")
        connection.send(Toy.jpeg())
        #expect(await onThread { connection.rest() }.hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
    }

    /// RFC 9110: clients of HTTP/1.0 get no answer before the answer.
    @Test func oldClientsAreNotAskedForBodies() async throws {
      try await serving(try service()) { port, _ in
        let connection = try #require(RawConnection(port: port))
        let request = String(
          decoding: Toy.jpeg().posted(to: "/predict", headers: ["Expect: 100-continue"]).dropLast(Toy.jpeg().count),
          as: UTF8.self)
        connection.send(Array(request.replacing("HTTP/1.1", with: "HTTP/1.0").utf8) + Toy.jpeg())
        #expect(await onThread { connection.rest() }.hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
    }

    @Test func whereItCannotListenIsSaid() async throws {
      let (first, second) = (try service(), try service())
      @Sendable func fault(_ host: String, _ port: Int) async -> ListeningFault? {
        var options = HTTPServer.Options()
        (options.host, options.port) = (host, port)
        do {
          try await HTTPServer(second, options: options).run { _ in }
          return nil
        } catch {
          return error as? ListeningFault
        }
      }
      try await serving(first) { port, _ in
        let taken = await fault("127.0.0.1", port)
        #expect(taken == .taken(host: "127.0.0.1", port: port))
        #expect(
          taken?.description
            == "port \(port) of 127.0.0.1 is taken by another program; choose another with --port, or any that is free with --port 0"
        )
      }
      // Of the networks that are for documents alone (RFC 5737); and a name that is none (RFC 6761).
      #expect(await fault("192.0.2.1", 0) == .elsewhere(host: "192.0.2.1"))
      #expect(await fault("nowhere.invalid", 0) == .unknownHost("nowhere.invalid"))
      #expect(ListeningFault(code: EACCES, host: "127.0.0.1", port: 80) == .forbidden(port: 80))
      #expect(ListeningFault(code: EIO, host: "127.0.0.1", port: 80) == nil)
    }
  }

  /// What `body` gives on a thread that it may block.
  private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }
#endif
