import AviaryArchives
import Foundation
import Testing

/// Bytes packed by Python, from `tools/goldens_gzip.py`.
@Suite struct GzipTests {
  private static let row = #"{"age": 2, "colour": "blue"}"#
  private static let one =
    "H4sIAAAAAAACA6tWSkxPVbJSMNJRUErOz8kvLQJylJJySlOVagFfEHIoHAAAAA=="
  private static let two =
    "H4sIAAAAAAACA6tWSkxPVbJSMNJRAAANOeORCwAAAB+LCAAAAAAAAgNTSs7PyS8tUrJSUErKKU1VqgUAqRWlcxEAAAA="
  private static let empty = "H4sIAAAAAAACAwMAAAAAAAAAAAA="

  private func unpacked(_ packed: [UInt8], atMost limit: Int = 1000) throws(ArchiveFault) -> String {
    let bytes = try ByteRegion(packed).inflated(atMost: limit, wrapping: .gzip, path: "x.gz", part: "the file")
    return String(decoding: bytes.array(), as: UTF8.self)
  }

  private func bytes(_ base64: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: base64))) }

  /// RFC 1952: members stand one after another, and mean what they hold together.
  @Test func severalMembersAreOneFile() throws {
    let (one, two, empty) = (try bytes(Self.one), try bytes(Self.two), try bytes(Self.empty))
    #expect(try unpacked(one) == Self.row)
    #expect(try unpacked(two) == Self.row)
    #expect(try unpacked(empty + two + empty + one) == Self.row + Self.row)
    let exact = try ByteRegion(two).inflated(to: 28, wrapping: .gzip, path: "x.gz", part: "the file")
    #expect(exact.array() == Array(Self.row.utf8))
    #expect(throws: ArchiveFault.unpacksToMore(path: "x.gz", part: "the file", limit: 27)) {
      try unpacked(two, atMost: 27)
    }
  }

  /// Zeros fill blocks of tapes; anything else is part of what somebody packed.
  @Test func whatIsBehindIsNotLost() throws {
    let one = try bytes(Self.one)
    #expect(try unpacked(one + [0, 0, 0]) == Self.row)
    for odd in [[1], [0, 1], Array("more".utf8)] as [[UInt8]] {
      #expect {
        try unpacked(one + odd)
      } throws: {
        "\($0)" == "x.gz: damaged: the file: \(odd.count) bytes follow its compressed ones, and are none themselves"
      }
    }
    // The beginning of another member.
    for count in 2...10 { #expect(throws: ArchiveFault.self) { try unpacked(one + one.prefix(count)) } }
  }
}
