import AviaryArchives
import AviaryTestSupport
import Foundation
import Synchronization
import Testing

@testable import AviaryHub

/// Files fetched from a server of this machine that breaks off, lies, redirects, stalls and changes its mind.
@Suite struct PullTests {
  /// A server, a cache and a table of one row.
  struct Setting {
    let server: LocalServer
    let cache: Scratch
    let bytes: [UInt8]
    var notes = Notes()

    init(bytes count: Int = 3_000_000) throws {
      server = try LocalServer()
      cache = try Scratch()
      bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 251) }
      server["/file.bin"] = .init(bytes: bytes, etag: "\"one\"")
    }

    var digits: String { (try? Digest.of(bytes, by: .sha256)) ?? "" }

    func file(hash: PublishedHash? = nil, bytes: Int? = nil) -> PublishedFile {
      PublishedFile("file.bin", at: [server.root + "/file.bin"], bytes: bytes, hash: hash)
    }

    func puller(patience: Int = 30) -> Puller {
      var puller = Puller(cache: PullCache(cache.path), table: PublishedTable(entries: []))
      puller.patience = patience
      puller.notify = notes.add
      return puller
    }

    func fetch(_ file: PublishedFile, patience: Int = 30) throws(PullFault) -> PulledFile {
      try puller(patience: patience).fetch(file, into: cache.path, for: "the file")
    }

    /// What is in the cache, but for locks.
    var names: [String] { cache.names.filter { !$0.hasSuffix(".lock") } }

    func holds(_ expected: [UInt8]? = nil) -> Bool {
      FileManager.default.contents(atPath: cache.path + "/file.bin").map(Array.init) == expected ?? bytes
    }

    func fault(_ file: PublishedFile, patience: Int = 30) -> PullFault? {
      do throws(PullFault) {
        _ = try fetch(file, patience: patience)
        return nil
      } catch { return error }
    }
  }

  final class Notes: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  final class Scratch {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-hub-\(UUID().uuidString)").path
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
  }

  @Test func everyHashIsVerified() throws {
    let setting = try Setting(bytes: 100_000)
    defer { setting.server.stop() }
    let blob = try Digest.of(Array("blob 100000\0".utf8) + setting.bytes, by: .sha1)
    let hashes: [PublishedHash] = [
      .sha256(setting.digits), .sha256Prefix(String(setting.digits.prefix(8))),
      .md5(try Digest.of(setting.bytes, by: .md5)), .gitBlob(blob),
    ]
    for hash in hashes {
      let found = try setting.fetch(setting.file(hash: hash, bytes: 100_000))
      #expect(found.bytes == 100_000 && !found.wasCached && setting.holds())
      #expect(setting.names == ["file.bin"], "nothing else is left")
      try FileManager.default.removeItem(atPath: found.path)
    }
    // A file that is there is not fetched again.
    _ = try setting.fetch(setting.file())
    let asked = setting.server.requests.count
    #expect(try setting.fetch(setting.file()).wasCached)
    #expect(setting.server.requests.count == asked)
  }

  @Test func wrongBytesAreNotKept() throws {
    let setting = try Setting(bytes: 10_000)
    defer { setting.server.stop() }
    let wrong = setting.fault(setting.file(hash: .sha256Prefix("00000000")))
    #expect(
      wrong
        == .wrongBytes(
          address: setting.server.root + "/file.bin", hash: "SHA-256 (first 8 digits)",
          found: String(setting.digits.prefix(8)), expected: "00000000"))
    #expect(setting.names == [])
    #expect(
      setting.fault(setting.file(bytes: 9_999))
        == .wrongLength(address: setting.server.root + "/file.bin", bytes: 10_000, expected: 9_999))
    #expect(setting.names == [])
    // The same without a length in the answer.
    setting.server["/file.bin"] = .init(bytes: setting.bytes, length: .some(nil))
    #expect(
      setting.fault(setting.file(bytes: 10_001))
        == .wrongLength(address: setting.server.root + "/file.bin", bytes: 10_000, expected: 10_001))
    var limited = setting.file()
    limited.limit = 5_000
    #expect(setting.fault(limited) == .tooLarge(address: setting.server.root + "/file.bin", limit: 5_000))
    #expect(setting.names == [])
  }

  @Test func aConnectionThatBreaksOffIsGoneOnWith() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", breaksAfter: 1_200_000, breaks: 2)
    let found = try setting.fetch(setting.file(hash: .sha256(setting.digits)))
    #expect(found.bytes == setting.bytes.count && setting.holds())
    let requests = setting.server.requests(for: "/file.bin")
    #expect(requests.map(\.offset) == [nil, 1_200_000, 2_400_000])
    #expect(requests.dropFirst().allSatisfy { $0.headers["if-range"] == "\"one\"" })
  }

  /// Half of what a server packs on its way is no beginning of the file.
  @Test func whatIsPackedOnItsWayIsBegunAnew() throws {
    let setting = try Setting(bytes: 50_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(
      bytes: try Self.gzipped(setting.bytes), etag: "\"one\"", breaksAfter: 20_000, breaks: 2, coding: "gzip")
    #expect(try setting.fetch(setting.file(hash: .sha256(setting.digits))).bytes == 50_000)
    #expect(setting.holds() && setting.names == ["file.bin"])
    #expect(setting.server.requests(for: "/file.bin").map(\.offset) == [nil, nil, nil])
  }

  /// One block that is stored as it is, with the header and the check of RFC 1952.
  private static func gzipped(_ bytes: [UInt8]) throws -> [UInt8] {
    try #require(bytes.count <= Int(UInt16.max))
    func word(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    let check = ByteRegion(bytes).crc32()
    return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1] + word(bytes.count, 2) + word(~bytes.count, 2) + bytes
      + word(Int(check), 4) + word(bytes.count, 4)
  }

  @Test func whatBreaksOffForGoodIsKeptForTheNextTime() throws {
    let setting = try Setting(bytes: 300_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", breaksAfter: 20_000)
    let fault = setting.fault(setting.file())
    #expect(
      fault == .brokenOff(address: setting.server.root + "/file.bin", received: 80_000, of: 300_000),
      "\(Puller.attempts) attempts")
    #expect(setting.names == ["file.bin.part", "file.bin.part.json"])
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"")
    #expect(try setting.fetch(setting.file()).bytes == 300_000)
    #expect(setting.holds() && setting.names == ["file.bin"])
    #expect(setting.server.requests.last?.offset == 80_000)
  }

  @Test(arguments: [true, false]) func anotherVersionIsBegunAnew(obeysConditions: Bool) throws {
    let setting = try Setting(bytes: 300_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", breaksAfter: 20_000)
    _ = setting.fault(setting.file())
    let other = setting.bytes.reversed() as [UInt8]
    setting.server["/file.bin"] = .init(bytes: other, etag: "\"two\"", takesConditions: obeysConditions)
    _ = try setting.fetch(setting.file())
    #expect(setting.holds(other))
  }

  @Test func anotherVersionWithoutNamesIsFoundByItsHash() throws {
    let setting = try Setting(bytes: 300_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes.reversed(), breaksAfter: 20_000)
    _ = setting.fault(setting.file(hash: .sha256(setting.digits)))
    setting.server["/file.bin"] = .init(bytes: setting.bytes)
    _ = try setting.fetch(setting.file(hash: .sha256(setting.digits)))
    #expect(setting.holds())
    #expect(setting.notes.all.contains { $0.contains("fetching it from the beginning") })
    // Without a hash nothing tells the versions apart, so it is begun anew.
    let second = try Setting(bytes: 300_000)
    defer { second.server.stop() }
    second.server["/file.bin"] = .init(bytes: second.bytes.reversed(), breaksAfter: 20_000)
    _ = second.fault(second.file())
    second.server["/file.bin"] = .init(bytes: second.bytes)
    _ = try second.fetch(second.file())
    #expect(second.holds() && second.server.requests.last?.offset == nil)
  }

  @Test func aServerWithoutRangesIsAskedForEverything() throws {
    let setting = try Setting(bytes: 300_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(
      bytes: setting.bytes, etag: "\"one\"", takesRanges: false, breaksAfter: 20_000, breaks: 2)
    #expect(try setting.fetch(setting.file()).bytes == 300_000)
    #expect(setting.holds())
  }

  @Test func aLengthThatIsALieIsFound() throws {
    let setting = try Setting(bytes: 30_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", takesRanges: false, length: 40_000)
    #expect(
      setting.fault(setting.file())
        == .brokenOff(address: setting.server.root + "/file.bin", received: 30_000, of: 40_000))
    #expect(!setting.names.contains("file.bin"))
    // A shorter length: the rest is not read, and the hash tells.
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", takesRanges: false, length: 20_000)
    let fault = setting.fault(setting.file(hash: .sha256(setting.digits)))
    guard case .wrongBytes? = fault else {
      Issue.record("\(fault.map { "\($0)" } ?? "it was taken")")
      return
    }
    #expect(setting.names == [])
  }

  @Test func silenceEnds() throws {
    let setting = try Setting(bytes: 30_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", stallsAfter: 10_000)
    let start = ContinuousClock.now
    #expect(
      setting.fault(setting.file(), patience: 1)
        == .stalled(address: setting.server.root + "/file.bin", seconds: 1, received: 10_000))
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(setting.names == ["file.bin.part", "file.bin.part.json"])
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"")
    #expect(try setting.fetch(setting.file()).bytes == 30_000)
    #expect(setting.server.requests.last?.offset == 10_000 && setting.holds())
  }

  @Test func redirectionsAreFollowedToAnEnd() throws {
    let setting = try Setting(bytes: 30_000)
    defer { setting.server.stop() }
    for step in 1...6 { setting.server["/\(step)"] = .init(location: step == 6 ? "/file.bin" : "/\(step + 1)") }
    func from(_ step: Int) -> PublishedFile { PublishedFile("file.bin", at: [setting.server.root + "/\(step)"]) }
    #expect(try setting.fetch(from(2)).bytes == 30_000)
    try FileManager.default.removeItem(atPath: setting.cache.path + "/file.bin")
    #expect(setting.fault(from(1)) == .redirected(address: setting.server.root + "/1", limit: 5))
    setting.server["/away"] = .init(location: "http://example.invalid/file.bin")
    let away = PublishedFile("file.bin", at: [setting.server.root + "/away"])
    #expect(setting.fault(away) == .insecure(address: "http://example.invalid/file.bin"))
    #expect(!setting.names.contains("file.bin"))
  }

  @Test func errorsOfTheServerAreTold() throws {
    let setting = try Setting(bytes: 100)
    defer { setting.server.stop() }
    for (code, words) in [(404, "no such file"), (403, "not open to everybody"), (503, "try again later")] {
      setting.server["/file.bin"] = .init(bytes: Array("<html>".utf8), status: code)
      let fault = setting.fault(setting.file())
      #expect(fault == .status(address: setting.server.root + "/file.bin", code: code))
      #expect("\(fault.map { "\($0)" } ?? "")".contains(words))
      #expect(!setting.names.contains("file.bin"))
    }
    #expect(setting.server.requests.count == 2 + Puller.attempts, "a passing fault is tried again")
    setting.server.stop()
    let gone = PublishedFile("file.bin", at: ["http://127.0.0.1:1/file.bin"])
    guard case .unreachable? = setting.fault(gone) else {
      Issue.record("no connection was no fault")
      return
    }
  }

  @Test(arguments: [429, 503]) func aServerIsWaitedForAsLongAsItAsks(code: Int) throws {
    let setting = try Setting(bytes: 100)
    defer { setting.server.stop() }
    let address = setting.server.root + "/file.bin"
    var pauses: [Double] = []
    var puller = setting.puller()
    func fault(_ retryAfter: String) throws(PullFault) {
      setting.server["/file.bin"] = .init(status: code, retryAfter: retryAfter)
      _ = try puller.fetch(setting.file(), into: setting.cache.path, for: "the file")
    }
    puller.wait = { pauses.append($0) }
    let soon = PullFault.status(address: address, code: code, retryAfter: 7)
    #expect(throws: soon) { try fault("7") }
    #expect(pauses == [7, 7, 7])
    #expect(setting.notes.all.contains { $0.contains("try again later, in 7 s, as it says; waiting") })
    // What takes too long is left to a person.
    pauses = []
    #expect(throws: PullFault.status(address: address, code: code, retryAfter: 5400)) { try fault("5400") }
    #expect(pauses == [])
    #expect(
      "\(PullFault.status(address: "a", code: code, retryAfter: 5400))".hasSuffix("later, in 90 minutes, as it says"))
    // A server that does not want to be waited for is asked again as ever, and once it has the file, is done with.
    setting.server["/file.bin"] = .init(status: code, retryAfter: "1")
    puller.wait = { _ in setting.server["/file.bin"] = .init(bytes: setting.bytes) }
    #expect(try puller.fetch(setting.file(), into: setting.cache.path, for: "the file").bytes == 100)
  }

  @Test func timesToComeBackAreSecondsOrDates() {
    let now = Date(timeIntervalSince1970: 1_792_567_680)
    #expect(RetryAfter.seconds("120", now: now) == 120)
    #expect(RetryAfter.seconds("Wed, 21 Oct 2026 07:29:30 GMT", now: now) == 90)
    #expect(RetryAfter.seconds("Wed, 21 Oct 2020 07:28:00 GMT", now: now) == 0)
    #expect(RetryAfter.seconds("-1", now: now) == nil && RetryAfter.seconds("soon", now: now) == nil)
  }

  @Test func documentsOfFaultsAreNoFiles() throws {
    let setting = try Setting(bytes: 100)
    defer { setting.server.stop() }
    let text = "{\"error\":\n \"Invalid username or password.\"}"
    setting.server["/file.bin"] = .init(bytes: Array(text.utf8))
    let fault = PullFault.document(
      address: setting.server.root + "/file.bin", text: "{\"error\": \"Invalid username or password.\"}")
    #expect(setting.fault(setting.file()) == fault)
    #expect(setting.names.allSatisfy { !$0.hasPrefix("file.bin") })
    // A file that only begins so is one, and so is JSON by name.
    setting.server["/file.bin"] = .init(bytes: Array("{ is no document".utf8))
    #expect(try setting.fetch(setting.file()).bytes == 16)
    setting.server["/names.json"] = .init(bytes: Array(text.utf8))
    let names = PublishedFile("names.json", at: [setting.server.root + "/names.json"])
    #expect(try setting.fetch(names).bytes == text.utf8.count)
  }

  @Test func pagesAndNothingAreNoFiles() throws {
    let setting = try Setting(bytes: 100)
    defer { setting.server.stop() }
    let address = setting.server.root + "/file.bin"
    for (text, fault) in [
      ("\n <!DOCTYPE HTML><html>log in</html>", PullFault.webPage(address: address)),
      ("<html>", .webPage(address: address)), ("<!-- a page --><html>", .webPage(address: address)),
      ("<?xml version=\"1.0\"?><Error/>", .webPage(address: address)),
      ("", .empty(address: address)),
    ] {
      setting.server["/file.bin"] = .init(bytes: Array(text.utf8))
      #expect(setting.fault(setting.file()) == fault)
      #expect(setting.names.allSatisfy { !$0.hasPrefix("file.bin") })
    }
  }

  @Test func namesMayHaveSpacesWithin() throws {
    guard case .address(let file) = try PullAddress("https://example.org/my%20network.h5") else {
      Issue.record("not an address")
      return
    }
    #expect(file.name == "my network.h5" && file.addresses == ["https://example.org/my%20network.h5"])
    #expect(try HubName("hf:owner/name/my network.h5").file == "my network.h5")
    for name in [" a", "a ", ".a", "a/b", "a\\b", "a\nb", ""] { #expect(!isPlainName(name), "\(name)") }
  }

  @Test func theSecondAddressIsTried() throws {
    let setting = try Setting(bytes: 30_000)
    defer { setting.server.stop() }
    setting.server["/other"] = .init(bytes: setting.bytes.reversed())
    var file = setting.file(hash: .sha256(setting.digits))
    file.addresses = [setting.server.root + "/none", setting.server.root + "/other"] + file.addresses
    #expect(try setting.fetch(file).bytes == 30_000)
    #expect(setting.holds())
  }

  @Test func twoAtOnceFetchOnce() async throws {
    let setting = try Setting(bytes: 300_000)
    defer { setting.server.stop() }
    setting.server["/file.bin"] = .init(bytes: setting.bytes, etag: "\"one\"", pace: 2000)
    let (path, file) = (setting.cache.path, setting.file(hash: .sha256(setting.digits)))
    let cached = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<3 {
        group.addTask {
          let puller = Puller(cache: PullCache(path), table: PublishedTable(entries: []))
          return try puller.fetch(file, into: path, for: "the file").wasCached
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(cached.filter { !$0 }.count == 1)
    #expect(setting.server.requests.count == 1 && setting.holds())
  }

  /// Other tests have a server each, and the system gives them the numbers of those that have ended.
  @Test func aServerThatIsStoppedAgainEndsNoOther() async throws {
    let ended = try Setting(bytes: 10)
    ended.server.stop()
    // Its thread closes the socket.
    try await Task.sleep(for: .milliseconds(50))
    let others = try (0..<4).map { _ in try Setting(bytes: 100) }
    defer { for other in others { other.server.stop() } }
    ended.server.stop()
    for other in others { #expect(try other.fetch(other.file()).bytes == 100) }
  }

  @Test func nothingIsFetchedOffline() throws {
    let setting = try Setting(bytes: 100)
    defer { setting.server.stop() }
    var puller = setting.puller()
    puller.isOffline = true
    #expect(throws: PullFault.offline(name: "the file", address: setting.server.root + "/file.bin")) {
      try puller.fetch(setting.file(), into: setting.cache.path, for: "the file")
    }
    #expect(setting.server.requests.isEmpty)
    _ = try setting.fetch(setting.file())
    #expect(try puller.fetch(setting.file(), into: setting.cache.path, for: "the file").wasCached)
  }
}
