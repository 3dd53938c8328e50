#if Server
  import AviaryCheckpoints
  import AviaryKernels
  import Hummingbird
  import HummingbirdCore
  import Logging
  import NIOCore
  import ServiceLifecycle
  import Synchronization
  import UnixSignals

  import AviaryPlatform

  /// The service on a port, over HTTP/1.1 and 1.0.
  package struct HTTPServer: Sendable {
    package struct Options: Sendable {
      package var host = "127.0.0.1"
      /// 0 for any that is free.
      package var port = 8080
      /// How many connections are served at once; others wait.
      package var connections = 1024
      /// How long a connection may be silent, and take for the head of a request.
      package var idle: Duration = .seconds(15)
      /// The most bytes of the head of a request.
      package var headLimit = 32 << 10
      /// How long the server still takes requests after it was asked to end, so that those that are on their way arrive.
      package var grace: Duration = .milliseconds(500)
      /// How often the files of models are looked at; nil for never.
      package var polling: Duration? = .seconds(2)
      /// How often memory is given back that nobody has needed since: each request that waits holds its prepared picture, so
      /// that a burst takes much more than steady work.
      package var tidying: Duration = .seconds(30)

      package init() {}
    }

    let service: InferenceService
    let options: Options
    private let socket = ListeningSocket()

    package init(_ service: InferenceService, options: Options) {
      self.service = service
      self.options = options
    }

    /// Serves until somebody asks to stop, by SIGTERM, SIGINT, or by finishing `stop`: then answers what has arrived, and
    /// returns.
    ///
    /// - Parameters:
    ///   - stop: asks to stop when it has an element; nil for signals.
    ///   - onReady: is told the port.
    package func run(until stop: AsyncStream<Void>? = nil, onReady: @escaping @Sendable (Int) -> Void) async throws {
      var configuration = HTTP1Channel.Configuration(idleTimeout: .nanoseconds(options.idle.nanoseconds))
      configuration.httpDecoder = .init(
        maxHeaderFieldSize: options.headLimit, maxHeaderListSize: options.headLimit, maxHeaderFieldCount: 100)
      // Its own lines have the form of the service's.
      var logger = Logger(label: "aviary-serve") { [log = service.log] _ in JSONLines(log: log) }
      logger.logLevel = .warning
      let application = Application(
        responder: Responder(service: service),
        server: HTTPServerBuilder { [configuration] responder in
          ConnectionSetup(channel: HTTP1Channel(responder: responder, configuration: configuration))
        },
        configuration: .init(
          address: .hostname(options.host, port: options.port), backlog: 1024,
          availableConnectionsDelegate: MaximumAvailableConnections(options.connections, logger: logger)),
        onServerRunning: { channel in
          socket.open(channel)
          onReady(channel.localAddress?.port ?? options.port)
        }, logger: logger)
      let group = ServiceGroup(
        configuration: .init(services: [.init(service: application)], gracefulShutdownSignals: [], logger: logger))
      // True for the server itself, which ends last.
      try await withThrowingTaskGroup(of: Bool.self) { tasks in
        tasks.addTask {
          do {
            try await group.run()
          } catch {
            throw ListeningFault(error, host: options.host, port: options.port) ?? error
          }
          return true
        }
        tasks.addTask {
          if let polling = options.polling { await repeating(every: polling) { await service.store.poll() } }
          return false
        }
        tasks.addTask {
          await repeating(every: options.tidying) { Compute.trimUnneededMemory() }
          return false
        }
        tasks.addTask {
          if let stop {
            for await _ in stop { break }
            if !Task.isCancelled { await drain(group) }
          } else {
            await obeySignals(group)
          }
          return false
        }
        while let isServer = try await tasks.next(), !isServer {}
        tasks.cancelAll()
      }
    }

    private func repeating(every interval: Duration, _ work: () async -> Void) async {
      while !Task.isCancelled {
        try? await Task.sleep(for: interval)
        if Task.isCancelled { return }
        await work()
      }
    }

    /// The first signal asks, a later one ends the process. Those who stop a group of processes often send two at once.
    private func obeySignals(_ group: ServiceGroup) async {
      var first: ContinuousClock.Instant?
      for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
        if let first {
          if ContinuousClock.now - first > .seconds(1) { exit(128 + signal.rawValue) }
          continue
        }
        first = .now
        service.log.info("stopping", [("signal", .text("\(signal)"))])
        Task { await drain(group) }
      }
    }

    private func drain(_ group: ServiceGroup) async {
      service.isDraining = true
      // Nobody waits longer for an answer.
      let end = ContinuousClock.now + service.options.timeout
      var (areWaiting, wereWaiting) = (false, false)
      repeat {
        try? await Task.sleep(for: options.grace)
        // Those that were taken meanwhile have a moment, too, to send their requests.
        (wereWaiting, areWaiting) = (areWaiting, await socket.waiting() > 0)
      } while (areWaiting || wereWaiting) && .now < end
      await group.triggerGracefulShutdown()
    }
  }

  extension Duration {
    fileprivate var nanoseconds: Int64 {
      components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
  }

  /// Hummingbird's own lines, as the service writes its own.
  private struct JSONLines: LogHandler {
    let log: ServingLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(log: ServingLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let level: ServingLog.Level =
        switch event.level {
        case .trace, .debug: .debug
        case .info, .notice: .info
        case .warning: .warning
        case .error, .critical: .error
        }
      let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
      log.add(level, "\(event.message)", facts.map { ($0.key, .text("\($0.value)")) })
    }
  }
#endif
