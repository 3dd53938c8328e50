import AviaryCheckpoints
import AviaryDiagnostics

/// The first lines of a request, whatever carries it.
package struct RequestHead: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case other
  }

  package let method: Method
  /// Without the query; its parts are not decoded.
  package let path: String
  package let query: [String: String]
  /// A part of the query that is not heeded: its name was there before, or it is not the code of a text.
  package let unheededQuery: String?
  /// By names in small letters. Of several with one name, the first.
  package let headers: [String: String]

  /// - Parameter target: the path and, after a question mark, the query.
  package init(_ method: Method, _ target: String, headers: [String: String] = [:]) {
    self.method = method
    self.headers = headers
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    var query: [String: String] = [:]
    var unheeded: String?
    for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = Self.decoded(sides[0], plusIsSpace: true)
      let value = sides.count > 1 ? Self.decoded(sides[1], plusIsSpace: true) : ""
      if let name, let value, query[name] == nil {
        query[name] = value
      } else {
        unheeded = unheeded ?? String(pair)
      }
    }
    self.query = query
    unheededQuery = unheeded
  }

  /// The parts of the path between slashes; nil where one is not the code of a text.
  package var components: [String]? {
    var components: [String] = []
    for part in path.split(separator: "/", omittingEmptySubsequences: true) {
      guard let text = Self.decoded(part, plusIsSpace: false) else { return nil }
      components.append(text)
    }
    return components
  }

  /// A text in which `%20` stands for a space; nil where it is not one.
  static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
          return nil
        }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// A whole request.
package struct WebRequest: Sendable {
  package let head: RequestHead
  package let body: [UInt8]
  /// When the client no longer waits.
  package let deadline: ContinuousClock.Instant
  /// How many seconds the whole request has, of which some are over.
  package let seconds: Double

  package init(_ head: RequestHead, body: [UInt8] = [], deadline: ContinuousClock.Instant, seconds: Double) {
    self.head = head
    self.body = body
    self.deadline = deadline
    self.seconds = seconds
  }
}

/// What is sent back.
package struct WebResponse: Sendable {
  package var status: Int
  /// By names as they are sent.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// What went wrong, for metrics and logs.
  package var fault: ServingFault?

  package init(status: Int = 200, type: String, _ body: [UInt8], headers: [(name: String, value: String)] = []) {
    self.status = status
    self.headers = [("Content-Type", type), ("X-Content-Type-Options", "nosniff")] + headers
    self.body = body
  }

  package static func json(_ value: JSONValue, status: Int = 200) -> WebResponse {
    WebResponse(status: status, type: "application/json", Array(value.serialized.utf8))
  }

  package static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> WebResponse {
    WebResponse(type: type, Array(text.utf8))
  }

  /// As Triton says what went wrong.
  package init(_ fault: ServingFault) {
    self = .json(.members(["error": .text(fault.description)]), status: fault.status)
    self.fault = fault
    switch fault {
    case .busy, .picture(.outOfMemory): headers.append(("Retry-After", "1"))
    case .unauthorized: headers.append(("WWW-Authenticate", "Bearer"))
    case .method(_, let allowed): headers.append(("Allow", allowed))
    default: break
    }
  }

  /// The value of a header.
  package subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
}
