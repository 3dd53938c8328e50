import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryArchives

/// Arrays that NumPy wrote, and arrays that want to do harm.
@Suite struct NumPyTests {
  struct Expected: Decodable {
    let shape: [Int]
    let values: [Double]?
    let texts: [String]?
  }

  static let url = Goldens.url("types.npz", of: "ArchivesTests")

  @Test func everyTypeIsRead() throws {
    let archive = try NumPyArchive(path: Self.url.path)
    let expected = try JSONDecoder().decode(
      [String: Expected].self, from: Data(contentsOf: Goldens.url("types.json", of: "ArchivesTests")))
    #expect(Set(archive.names) == Set(expected.keys) && archive.names.count > 25)
    for (name, expected) in expected {
      let array = try archive.array(name)
      #expect(array.shape == expected.shape, "\(name)")
      if let values = expected.values {
        #expect(array.floats == values.map { Float($0) }, "\(name)")
        let isWhole = !name.hasPrefix("f") && name != "halves" && name != "empty" || name == "fortran"
        #expect(array.integers == (isWhole ? values.map { Int($0) } : nil), "\(name)")
        #expect(array.texts == nil, "\(name)")
      } else {
        #expect(array.texts == expected.texts, "\(name)")
        #expect(array.floats == nil && array.integers == nil, "\(name)")
      }
    }
    #expect(!archive.holds("i4.npy") && archive.holds("i4"))
    #expect(throws: NumPyFault.archive(.noMember(path: Self.url.path, member: "none.npy"))) {
      try archive.array("none")
    }
  }

  // MARK: - Headers

  static func npy(_ header: String, _ body: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
    let text = Array(header.utf8)
    let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + body
  }

  static func header(_ type: String, _ shape: String, order: String = "False") -> String {
    "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }  \n"
  }

  func read(_ bytes: [UInt8]) throws(NumPyFault) -> NumPyArray {
    try NumPyArray(npy: ByteRegion(bytes), path: "x", name: "a")
  }

  @Test func headersOfAllVersions() throws {
    for version: UInt8 in [1, 2, 3] {
      let array = try read(Self.npy(Self.header("<i2", "(3,)"), [1, 0, 2, 0, 0xff, 0xff], version: version))
      #expect(array.integers == [1, 2, -1])
    }
    #expect(try read(Self.npy(Self.header("<i2", "()"), [7, 0])).integers == [7])
    // Python 2 wrote long integers and double quotes.
    let old = try read(Self.npy(#"{"descr":"|u1","fortran_order":True,"shape":(2L,2L)}"#, [1, 2, 3, 4]))
    #expect(old.integers == [1, 3, 2, 4] && old.shape == [2, 2])
    let large = try read(Self.npy(Self.header("<u8", "(1,)"), [UInt8](repeating: 0xff, count: 8)))
    #expect(large.integers == nil && large.floats == [Float(UInt64.max)], "it has no place in 64 bits with a sign")
  }

  @Test func whatIsNoArrayIsRefused() {
    func fault(_ bytes: [UInt8]) -> NumPyFault? {
      #expect(throws: NumPyFault.self) { try read(bytes) }
    }
    #expect(fault([]) == .notNumPy(path: "x", array: "a"))
    #expect(fault(Array("PK\u{3}\u{4} nonsense".utf8)) == .notNumPy(path: "x", array: "a"))
    #expect(fault(Self.npy(Self.header("<f4", "(1,)"), version: 9)) == .version(path: "x", array: "a", version: 9))
    for type in ["<c32", "<M8[ns]", "|V16", "<i3", "<f16", "i", "", "x4", "<U99999999999"] {
      #expect(
        fault(Self.npy(Self.header(type, "(1,)"), [0])) == .unsupportedType(path: "x", array: "a", type: type))
    }
    let record = "{'descr': [('a', '<f4'), ('b', '<i4', (2,))], 'fortran_order': False, 'shape': (1,)}"
    #expect(fault(Self.npy(record)) == .unsupportedType(path: "x", array: "a", type: "record"))
    for header in [
      "", "{", "{}", "[]", "{'descr': '<f4'}", "{'descr': 'f4', 'fortran_order': Maybe, 'shape': (1,)}",
      "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}", Self.header("<f4", "(-1,)"), Self.header("<f4", "(1"),
      Self.header("<f4", "(1.5,)"), Self.header("<f4", "(99999999999999999999,)"), Self.header("<f4", "1"),
      Self.header("<f4", "(1,)") + "import os", "{'descr': [[[", "{'evil': 1}",
      Self.header("<f4", "(" + String(repeating: "1,", count: 40) + ")"),
    ] {
      guard case .header = fault(Self.npy(header, [0, 0, 0, 0])) else {
        Issue.record("'\(header)' was taken")
        continue
      }
    }
  }

  @Test func declaredSizesAreChecked() {
    for shape in [
      "(2,)", "(1, 1, 3)", "(9223372036854775807,)", "(4294967296, 4294967296)", "(3037000500, 3037000500)",
    ] {
      let fault = #expect(throws: NumPyFault.self) { try read(Self.npy(Self.header("<f4", shape), [0, 0, 0, 0])) }
      guard case .size = fault else {
        Issue.record("\(shape): \(String(describing: fault))")
        continue
      }
    }
    // Elements of no bytes, and axes beside one of length zero, cost nothing to declare.
    for header in [
      Self.header("|S0", "(1000000000000,)"), Self.header("<U0", "(5,)"),
      Self.header("<f4", "(0, 4294967296, 4294967296)"),
    ] {
      let fault = #expect(throws: NumPyFault.self) { try read(Self.npy(header)) }
      guard case .size = fault else {
        Issue.record("\(header): \(String(describing: fault))")
        continue
      }
    }
    let truncated = Self.npy(Self.header("<f4", "(1,)"), [0, 0, 0, 0])
    for length in 0..<truncated.count {
      #expect(throws: NumPyFault.self) { try read(Array(truncated.prefix(length))) }
    }
    // A header longer than the file, or than any header.
    var long = Self.npy(Self.header("<f4", "(1,)"), [0, 0, 0, 0], version: 2)
    long.replaceSubrange(8..<12, with: [0xff, 0xff, 0xff, 0x7f])
    #expect(throws: NumPyFault.self) { try read(long) }
  }

  @Test func objectsAreReadAsTextOnly() throws {
    func objects(_ elements: String, _ shape: String = "(2,)") -> [UInt8] {
      // numpy's own pickle of an array of objects, in protocol 0.
      let pickle =
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n(S'O8'\n"
        + "I0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntbI00\n(l\(elements)tb."
      return Self.npy(Self.header("|O", shape), Array(pickle.utf8))
    }
    #expect(try read(objects("S'a'\naVb\na")).texts == ["a", "b"])
    for (elements, shape) in [("S'a'\naI1\na", "(2,)"), ("S'a'\nacos\nsystem\na", "(2,)"), ("S'a'\na", "(2,)")] {
      #expect(throws: NumPyFault.objects(path: "x", array: "a")) { try read(objects(elements, shape)) }
    }
    #expect(throws: NumPyFault.objects(path: "x", array: "a")) {
      try read(Self.npy(Self.header("|O", "(1,)"), Array("cos\nsystem\n(S'true'\ntR.".utf8)))
    }
    #expect(throws: NumPyFault.self) { try read(Self.npy(Self.header("|O", "(1,)"), [0x80, 2])) }
    // One long text in many places.
    let bomb = "S'" + String(repeating: "x", count: 100_000) + "'\np1\na" + String(repeating: "g1\na", count: 20_000)
    #expect(throws: NumPyFault.objects(path: "x", array: "a")) { try read(objects(bomb, "(20001,)")) }
  }

  // MARK: - Archives

  @Test func truncatedAndDamagedArchivesAreRefused() throws {
    let whole = [UInt8](try Data(contentsOf: Self.url))
    for length in stride(from: 0, to: whole.count, by: 97) {
      #expect(throws: ArchiveFault.self) { try NumPyArchive(ByteRegion(Array(whole.prefix(length))), path: "x") }
    }
    var numbers = TestNumbers(seed: 1)
    for _ in 0..<300 {
      var bytes = whole
      for _ in 0..<4 { bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next()) }
      guard let archive = try? NumPyArchive(ByteRegion(bytes), path: "x") else { continue }
      for name in archive.names { _ = try? archive.array(name).floats }
    }
  }

  /// Deflate packs at most 1,032 bytes into one: an entry that promises more lies, and is not unpacked.
  @Test func bombsAreRefused() throws {
    func archive(packed: Int, size: UInt32) -> [UInt8] {
      func little(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
      }
      let name = Array("a.npy".utf8)
      let common =
        little(UInt16(0)) + little(UInt16(8)) + little(UInt32(0)) + little(UInt32(0)) + little(UInt32(packed))
        + little(size) + little(UInt16(name.count))
      let local = little(UInt32(0x0403_4b50)) + little(UInt16(20)) + common + little(UInt16(0)) + name
      let body = local + [UInt8](repeating: 0, count: packed)
      let directory =
        little(UInt32(0x0201_4b50)) + little(UInt16(20)) + little(UInt16(20)) + common
        + [UInt8](repeating: 0, count: 12) + little(UInt32(0)) + name
      return body + directory + little(UInt32(0x0605_4b50)) + little(UInt32(0)) + little(UInt16(1)) + little(UInt16(1))
        + little(UInt32(directory.count)) + little(UInt32(body.count)) + little(UInt16(0))
    }
    #expect(throws: ArchiveFault.tooLarge(path: "x", member: "a.npy", bytes: 2_000_000, limit: 1_032_000)) {
      try NumPyArchive(ByteRegion(archive(packed: 1000, size: 2_000_000)), path: "x")
    }
    #expect(throws: ArchiveFault.tooLarge(path: "x", member: "a.npy", bytes: 0xffff_fff0, limit: 1 << 30)) {
      try NumPyArchive(ByteRegion(archive(packed: 5_000_000, size: 0xffff_fff0)), path: "x")
    }
    let promising = try NumPyArchive(ByteRegion(archive(packed: 1000, size: 900_000)), path: "x")
    #expect(throws: NumPyFault.self) { try promising.array("a") }
  }
}
