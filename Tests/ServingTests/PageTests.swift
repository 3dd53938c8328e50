import Aviary
import AviaryArchives
import Foundation
import Testing

@testable import AviaryServing

/// The page, and its policy.
@Suite struct PageTests {
  private let setting: RouteSetting
  private var service: InferenceService { setting.service }

  init() throws { setting = try RouteSetting() }

  @Test func thePageHasTheHashesOfItsPolicy() async throws {
    let page = await service.answer(.get, "/")
    let policy = try #require(page["Content-Security-Policy"])
    #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("unsafe"))
    for (text, directive) in [(Page.script, "script-src"), (Page.style, "style-src")] {
      let digits = try Digest.of(text.utf8, by: .sha256)
      let bytes = stride(from: 0, to: 64, by: 2).map { place in
        let start = digits.index(digits.startIndex, offsetBy: place)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)!
      }
      #expect(policy.contains("\(directive) 'sha256-\(Foundation.Data(bytes).base64EncodedString())'"))
      #expect(page.text.contains(text))
    }
    // Browsers ask for /favicon.ico where a page names no icon, or one that its policy refuses.
    #expect(page.text.contains(#"<link rel="icon" href="data:,">"#) && policy.contains("img-src 'self' blob: data:;"))
    for word in ["http://", "https://", " onclick", " style=", "innerHTML"] {
      #expect(!page.text.contains(word), "\(word)")
    }
  }
}
