import Foundation
import Synchronization

/// A small HTTP server on this machine that misbehaves as it is told to.
public final class LocalServer: Sendable {
  /// How a file is served.
  public struct Manner: Sendable {
    public var bytes: [UInt8] = []
    public var status = 200
    /// The version of the file; nil for a server that names none.
    public var etag: String?
    /// Whether `Range` is obeyed.
    public var takesRanges = true
    /// Whether `If-Range` is obeyed.
    public var takesConditions = true
    /// After how many bytes of an answer the connection ends, for so many answers.
    public var breaksAfter: Int?
    public var breaks = Int.max
    /// After how many bytes of an answer nothing more comes.
    public var stallsAfter: Int?
    /// What `Content-Length` says instead of the truth; nil for none at all.
    public var length: Int?? = .none
    /// Where to go instead.
    public var location: String?
    /// How the bytes are packed, as `Content-Encoding` says it; nil for as they are.
    public var coding: String?
    /// What `Retry-After` says; nil for nothing.
    public var retryAfter: String?
    /// How long every thousand bytes take, in microseconds.
    public var pace: UInt32 = 0

    public init(
      bytes: [UInt8] = [], status: Int = 200, etag: String? = nil, takesRanges: Bool = true,
      takesConditions: Bool = true,
      breaksAfter: Int? = nil, breaks: Int = .max, stallsAfter: Int? = nil, length: Int?? = .none,
      location: String? = nil, coding: String? = nil, retryAfter: String? = nil, pace: UInt32 = 0
    ) {
      self.bytes = bytes
      self.status = status
      self.etag = etag
      self.takesRanges = takesRanges
      self.takesConditions = takesConditions
      self.breaksAfter = breaksAfter
      self.breaks = breaks
      self.stallsAfter = stallsAfter
      self.length = length
      self.location = location
      self.coding = coding
      self.retryAfter = retryAfter
      self.pace = pace
    }
  }

  public struct Request: Sendable {
    public let target: String
    /// By names in small letters.
    public let headers: [String: String]

    public var offset: Int? {
      headers["range"].flatMap { text in Int(text.dropFirst("bytes=".count).prefix { $0 != "-" }) }
    }
  }

  private struct State {
    var manners: [String: Manner] = [:]
    var requests: [Request] = []
  }

  private let listener: Listener
  private let state = Mutex(State())

  public init() throws {
    listener = try Listener()
    listener.start { [weak self] connection in self?.answer(connection) }
  }

  deinit { stop() }

  /// Ends the server; connections that are open end by themselves.
  public func stop() { listener.stop() }

  public var port: UInt16 { listener.port }
  public var root: String { "http://127.0.0.1:\(port)" }

  public subscript(path: String) -> Manner {
    get { state.withLock { $0.manners[path] ?? Manner(status: 404) } }
    set { state.withLock { $0.manners[path] = newValue } }
  }

  /// The requests so far.
  public var requests: [Request] { state.withLock { $0.requests } }

  public func requests(for path: String) -> [Request] { requests.filter { $0.target == path } }

  // MARK: Connections

  private func answer(_ connection: Int32) {
    guard let request = read(from: connection) else { return }
    // A proxy is asked for whole addresses; the query is no part of a file's path.
    var path = request.target
    if let scheme = path.range(of: "://") {
      path = path[scheme.upperBound...].firstIndex(of: "/").map { String(path[$0...]) } ?? "/"
    }
    path = String(path.prefix { $0 != "?" })
    let manner = state.withLock { state -> Manner in
      state.requests.append(request)
      guard var manner = state.manners[path] else { return Manner(status: 404) }
      let told = manner
      if manner.breaksAfter != nil {
        manner.breaks -= 1
        if manner.breaks <= 0 { manner.breaksAfter = nil }
        state.manners[path] = manner
      }
      return told
    }
    send(manner, request, to: connection)
  }

  private func send(_ manner: Manner, _ request: Request, to connection: Int32) {
    var lines = ["Connection: close"]
    if let location = manner.location {
      return put(Array("HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n".utf8), connection)
    }
    if let etag = manner.etag { lines.append("ETag: \(etag)") }
    if let retryAfter = manner.retryAfter { lines.append("Retry-After: \(retryAfter)") }
    if let coding = manner.coding { lines.append("Content-Encoding: \(coding)") }
    var (status, body) = (manner.status, manner.bytes[...])
    if status == 200, manner.takesRanges, let offset = request.offset {
      let isSame = request.headers["if-range"].map { $0 == manner.etag } ?? true
      if offset >= manner.bytes.count {
        status = 416
        lines.append("Content-Range: bytes */\(manner.bytes.count)")
        body = []
      } else if isSame || !manner.takesConditions {
        status = 206
        lines.append("Content-Range: bytes \(offset)-\(manner.bytes.count - 1)/\(manner.bytes.count)")
        body = manner.bytes[offset...]
      }
    }
    switch manner.length {
    case .none: lines.append("Content-Length: \(body.count)")
    case .some(nil): break
    case .some(let told?): lines.append("Content-Length: \(told)")
    }
    put(Array("HTTP/1.1 \(status) -\r\n\(lines.joined(separator: "\r\n"))\r\n\r\n".utf8), connection)
    let sent = min(body.count, manner.breaksAfter ?? .max, manner.stallsAfter ?? .max)
    put(Array(body.prefix(sent)), connection, pace: manner.pace)
    if manner.stallsAfter != nil {
      for _ in 0..<600 where !listener.isOver { usleep(50_000) }
    }
  }

  private func put(_ bytes: [UInt8], _ connection: Int32, pace: UInt32 = 0) {
    var done = 0
    while done < bytes.count {
      let piece = pace > 0 ? min(1000, bytes.count - done) : bytes.count - done
      let count = bytes.withUnsafeBytes { Glibc.send(connection, $0.baseAddress! + done, piece, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      done += count
      if pace > 0 { usleep(pace) }
    }
  }

  private func read(from connection: Int32) -> Request? {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !text.suffix(4).elementsEqual([13, 10, 13, 10]) {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0, text.count < 1 << 16 else { return nil }
      text += buffer.prefix(count)
    }
    let lines = String(decoding: text, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return nil }
    let headers = lines.dropFirst().compactMap { line -> (String, String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      return (line[..<colon].lowercased(), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }
    return Request(target: String(words[1]), headers: Dictionary(headers, uniquingKeysWith: { $1 }))
  }
}
