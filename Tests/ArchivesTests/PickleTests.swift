import AviaryArchives
import AviaryTestSupport
import Testing

@Suite struct PickleTests {
  private func read(_ bytes: [UInt8], limit: Int = PickleGraph.defaultLimit) throws(PickleFault) -> PickleGraph {
    try PickleGraph(ByteRegion(bytes), path: "x", limit: limit)
  }

  @Test func protocolZero() throws {
    // pickle.dumps({'a': [1, -2, True, None, 1.5], u'ü€\\n': (3,)}, 0) in Python 2's spelling
    let text = "(dp0\nS'a'\np1\n(lp2\nI1\naI-2\naI01\naNaF1.5\nasV\u{fc}\\u20ac\\n\np3\n(I3\ntp4\ns."
    let graph = try read(text.unicodeScalars.map { UInt8($0.value) })
    let pairs = try #require(graph.pairs(graph.root))
    #expect(pairs.map { graph.text($0.key) } == ["a", "ü€\\n"])
    let list = try #require(graph.elements(pairs[0].value))
    #expect(list.map { graph[$0] } == [.integer(1), .integer(-2), .boolean(true), .none, .real(1.5)])
    #expect(graph.elements(pairs[1].value).map { $0.map { graph[$0] } } == [.integer(3)])
  }

  @Test func numbersOfAllWidths() throws {
    let bytes: [UInt8] =
      [0x80, 2, 0x28] + [0x4b, 255] + [0x4d, 0xff, 0xff] + [0x4a, 0xff, 0xff, 0xff, 0xff] + [0x8a, 0]
      + [0x8a, 2, 0x00, 0x80] + [0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]
      + [0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0] + [0x74, 0x2e]
    let graph = try read(bytes)
    #expect(
      graph.elements(graph.root).map { $0.map { graph[$0] } } == [
        .integer(255), .integer(65_535), .integer(-1), .integer(0), .integer(-32_768),
        .bigInteger([1, 2, 3, 4, 5, 6, 7, 8, 9]), .real(1.5),
      ])
  }

  @Test func nothingIsCalled() throws {
    // cos\nsystem\n(S'true'\ntR.
    let graph = try read(Array("cos\nsystem\n(S'true'\ntR.".utf8))
    guard case .object(let object) = graph[graph.root] else {
      Issue.record("no object")
      return
    }
    #expect(graph.globalName(object.callable) == "os.system")
    #expect(graph.elements(object.arguments).map { $0.map { graph.text($0) } } == ["true"])
  }

  @Test func aListMayContainItself() throws {
    let graph = try read(Array("(lp0\ng0\na.".utf8))
    #expect(graph.elements(graph.root) == [graph.root])
  }

  @Test func deepNestingCostsNoStack() throws {
    let depth = 1_000_000
    let graph = try read([UInt8](repeating: 0x29, count: 1) + [UInt8](repeating: 0x85, count: depth) + [0x2e])
    #expect(graph.values.count == depth + 1)
  }

  @Test func faultsAreTyped() {
    #expect(throws: PickleFault.truncated(path: "x", offset: 2)) { try read([0x80, 2]) }
    #expect(throws: PickleFault.opcode(path: "x", code: 0x69, offset: 0)) { try read([0x69]) }  // INST
    #expect(throws: PickleFault.malformed(path: "x", offset: 0, reason: "the stack is empty")) { try read([0x2e]) }
    #expect(throws: PickleFault.malformed(path: "x", offset: 1, reason: "the stack is empty")) {
      try read([0x28, 0x85])
    }
    #expect(throws: PickleFault.malformed(path: "x", offset: 0, reason: "memo entry 3 was never written")) {
      try read([0x68, 3, 0x2e])
    }
    #expect(throws: PickleFault.tooLarge(path: "x", limit: 10)) {
      try read([UInt8](repeating: 0x4e, count: 11), limit: 10)
    }
  }

  @Test func randomBytesNeverTrap() {
    var generator = TestNumbers(seed: 3)
    let codes = Array("(.0125INLJKMGFXVUCTBS)]}tldaesuqrpghjcRbQ".utf8) + (0x80...0x96) + [0, 1, 10, 39, 49]
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...40, using: &generator)
      _ = try? read((0..<length).map { _ in codes.randomElement(using: &generator) ?? 0 })
    }
  }
}
