import Foundation

/// Packed bodies of requests, each behind a line that says how it is packed and what is in it: whole ones, and some that are
/// refused. From `tools/goldens_gzip.py`.
enum PackedRequests {
  static let corpus: [[UInt8]] = packed.map { line, text in
    Array("packed \(line)\n".utf8) + (Data(base64Encoded: text).map(Array.init) ?? [])
  }

  private static let packed: [(line: String, base64: String)] = [
    // Infer, gzip.
    (
      "gzip infer",
      "H4sIAAAAAAACA6tWyswrKC0pVrKKrlbKS8xNVbKCiCjpKBVnJBYA+dFGOkaxOkopiSWJJZUgASW3AGMjJYgIUDraUMdIzzTV"
        + "IFYnWtdYxyQ2thaoOr+0BN3YnPz0TKBIbWwtAFHLo9R1AAAA"
    ),
    // Form, deflate.
    (
      "deflate form b",
      "eJyNjTEOwjAMAHdL/kOU3TCwtWKCJ/ABV7iRKxJbxAP9fQUdujLecHdEE8LNWkgLumt36xpqbUizvSs9OXhMjatcc5hnBIQL"
        + "Av1vcR7TrC/Z6XNavOTDfawuQ9LKRc6LS/n2pzWk/x5ECBtU6jJB"
    ),
    // Rows, gzip of two members.
    (
      "gzip rows",
      "H4sIAAAAAAACA6tWyswrLknMS04tVrKKrlZKTE9VsjLUM9VRSs7PyQcAZN/0rx4AAAAfiwgAAAAAAAIDKy1SslIqSk1RqtWp"
        + "VkpMT1WyyivNydFRSs7PyS8FyaUXpabmKdXG1gIACAeMZioAAAA="
    ),
    // Rows, gzip with every field and zeros behind.
    (
      "gzip rows",
      "H4sIHgAAAAAA/wQAYWJjZHJvd3MuanNvbgBhIGNvbW1lbnQAoHCrVsrMKy5JzEtOLVayiq5WSkxPVbIy1DPVUUrOz8kvLVKy"
        + "UipKTVGq1YFK5ZXm5CDJpRelpuYp1cbWAgDfH3jeSAAAAAAAAAAAAAAA"
    ),
    // Rows, gzip of a wrong length.
    (
      "gzip rows",
      "H4sIAAAAAAACA6tWyswrLknMS04tVrKKrlZKTE9VsjLUM9VRSs7PyS8tUrJSKkpNUarVgUrllebkIMmlF6Wm5inVxtYCAN8f"
        + "eN5JAAAA"
    ),
    // Rows, gzip with bytes behind.
    (
      "gzip rows",
      "H4sIAAAAAAACA6tWyswrLknMS04tVrKKrlZKTE9VsjLUM9VRSs7PyS8tUrJSKkpNUarVgUrllebkIMmlF6Wm5inVxtYCAN8f"
        + "eN5IAAAAbW9yZQ=="
    ),
    // 100,000 zeros, gzip.
    (
      "gzip rows",
      "H4sIAAAAAAACA+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIBXA32VEdSghgEA"
    ),
  ]
}
