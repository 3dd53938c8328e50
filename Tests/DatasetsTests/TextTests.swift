import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct TextTests {
  // MARK: - Vocabulary

  @Test func charactersAreSortedAndNumbered() throws {
    let vocabulary = CharacterVocabulary(of: "hello\né\r\n")
    #expect(vocabulary.names == ["\n", "\r", "e", "h", "l", "o", "é"])
    let text = "hello\r\n"
    #expect(try vocabulary.encode(text) == [3, 2, 4, 4, 5, 1, 0], "a line's end of two is two characters")
    #expect(vocabulary.decode(try vocabulary.encode(text)) == text)
    #expect(try CharacterVocabulary(names: vocabulary.names) == vocabulary)
    let data = try JSONEncoder().encode(vocabulary)
    #expect(try JSONDecoder().decode(CharacterVocabulary.self, from: data) == vocabulary)
  }

  @Test func anUnknownCharacterIsAFaultThatNamesItAndItsPosition() {
    let vocabulary = CharacterVocabulary(of: "abc")
    let fault = #expect(throws: TextFault.unknownCharacter(character: "'z' (U+007A)", position: 2)) {
      try vocabulary.encode("abz")
    }
    #expect(fault?.description == "character 'z' (U+007A) at position 2 is not in the vocabulary; leave it out")
    #expect(throws: TextFault.unknownCharacter(character: "U+000A", position: 0)) { try vocabulary.encode("\n") }
  }

  @Test(arguments: [[], ["a", "a"], ["b", "a"], ["ab"], [""], ["a", "\r\n"]])
  func namesThatAreNoVocabularyAreFaults(names: [String]) {
    #expect(throws: TextFault.self) { try CharacterVocabulary(names: names) }
  }

  @Test func aVocabularyThatIsNoneIsNotDecoded() {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(CharacterVocabulary.self, from: Data(#""ba""#.utf8))
    }
  }

  // MARK: - Files

  func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("text-\(UUID().uuidString).txt")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }

  @Test func theLastPartIsHeldOut() throws {
    try withFile(Array("abcdefghijklmnopqrst".utf8)) { path in
      let corpus = try TextCorpus(path: path)
      #expect(corpus.vocabulary.count == 20)
      #expect(corpus.training == Array(0..<18) && corpus.heldOut == [18, 19])
      #expect(try TextCorpus(path: path, holdingOut: 0).heldOut.isEmpty)
      let known = try TextCorpus(path: path, vocabulary: CharacterVocabulary(of: "abcdefghijklmnopqrstuvwxyz"))
      #expect(known.vocabulary.count == 26 && known.training == corpus.training)
      #expect(throws: TextFault.self) { try TextCorpus(path: path, vocabulary: CharacterVocabulary(of: "abc")) }
    }
  }

  @Test func filesThatAreNoTextAreFaults() throws {
    func fault(_ bytes: [UInt8], limit: Int = 100) throws -> TextFault? {
      try withFile(bytes) { path in
        do throws(TextFault) {
          _ = try TextCorpus(path: path, limit: limit)
          return nil
        } catch { return error }
      }
    }
    guard case .notUTF8(_, let byte)? = try fault(Array("aé".utf8) + [0xff, 0x61]) else {
      Issue.record("bytes that are no UTF-8 were read")
      return
    }
    #expect(byte == 3)
    guard case .tooLarge(_, 11, 10)? = try fault(Array("hello world".utf8), limit: 10) else {
      Issue.record("a file above the limit was read")
      return
    }
    guard case .tooShort? = try fault([]) else {
      Issue.record("an empty file was read")
      return
    }
    #expect(throws: TextFault.self) { try TextCorpus(path: "/no/such/file.txt") }
    #expect(throws: TextFault.self) { try TextCorpus(path: FileManager.default.temporaryDirectory.path) }
    for fraction in [-0.1, 1, Double.nan] {
      #expect(throws: TextFault.self) { try TextCorpus(text: "abc", holdingOut: fraction) }
    }
  }

  @Test(.enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.absence)))
  func shakespeareHasSixtyFiveCharacters() throws {
    let path = try #require(SharedData.url("text/tinyshakespeare.txt")).path
    let corpus = try TextCorpus(path: path)
    #expect(corpus.vocabulary.count == 65)
    #expect(corpus.training.count == 1_003_855 && corpus.heldOut.count == 111_539)
    #expect(corpus.vocabulary.decode(corpus.training[..<14]) == "First Citizen:")
  }

  // MARK: - Batches

  static let tokens = (0..<47).map(Int32.init)

  @Test func rowsGoOnWhereTheBatchBeforeEnded() throws {
    let streams = try TextStreams(Self.tokens, streams: 3, steps: 4)
    // 46 predictions make three streams of 15, of which three batches take 12.
    #expect(streams.count == 3 && streams.predictions == 36)
    #expect(streams[0].inputs == IntTensor([0, 1, 2, 3, 15, 16, 17, 18, 30, 31, 32, 33], shape: [3, 4]))
    #expect(streams[1].inputs == IntTensor([4, 5, 6, 7, 19, 20, 21, 22, 34, 35, 36, 37], shape: [3, 4]))
    for number in 0..<3 {
      let batch = streams[number]
      #expect(batch.targets.scalars == batch.inputs.scalars.map { $0 + 1 })
      #expect(batch.number == number && batch.isContinued == (number > 0))
    }
  }

  @Test func theRestIsKeptForEvaluation() throws {
    let streams = try TextStreams(Self.tokens, streams: 1, steps: 10, keepingRest: true)
    #expect(streams.count == 5 && streams.predictions == 46 && streams[4].inputs.shape == [1, 6])
    #expect((0..<5).flatMap { streams[$0].targets.scalars } == Array(1...46))
    #expect(try TextStreams(Self.tokens, streams: 46, steps: 99, keepingRest: true).predictions == 46)
  }

  @Test func epochsBeginElsewhereAndRepeat() throws {
    func firsts(_ seed: UInt64) throws -> [Int32] {
      try (0..<20).map {
        try TextStreams(Self.tokens, streams: 3, steps: 4, shift: seed, epoch: $0)[0].inputs.scalars[0]
      }
    }
    let found = try firsts(1)
    #expect(Set(found) == [0, 1, 2, 3])
    #expect(try firsts(1) == found && firsts(2) != found)
  }

  /// Where there is just enough text, a shift takes no batch away.
  @Test func aShiftLeavesABatch() throws {
    for epoch in 0..<20 {
      let streams = try TextStreams(Array(Self.tokens[..<14]), streams: 3, steps: 4, shift: 1, epoch: epoch)
      #expect(streams.count == 1)
      #expect(streams[0].targets.scalars.max() ?? 99 <= 13)
    }
  }

  @Test func tooLittleTextIsAFault() throws {
    #expect(throws: TextFault.tooShort(path: "text", characters: 12, needed: 13)) {
      try TextStreams(Array(Self.tokens[..<12]), streams: 3, steps: 4)
    }
    #expect(throws: TextFault.self) { try TextStreams([], streams: 1, steps: 1, keepingRest: true) }
    for (streams, steps) in [(0, 4), (3, 0), (-1, 4), (3, Int.max), (Int.max, 4)] {
      #expect(throws: TextFault.self) { try TextStreams(Self.tokens, streams: streams, steps: steps) }
    }
  }

  @Test func windowsComeFromAnywhereAndRepeat() throws {
    let windows = try TextWindows(Self.tokens, rows: 3, steps: 4, seed: 1)
    #expect(windows.count == 3)
    var starts: Set<Int32> = []
    for epoch in 0..<100 {
      let windows = try TextWindows(Self.tokens, rows: 3, steps: 4, seed: 1, epoch: epoch)
      for number in 0..<3 {
        let batch = windows[number]
        #expect(!batch.isContinued && batch.inputs.shape == [3, 4])
        #expect(batch.targets.scalars == batch.inputs.scalars.map { $0 + 1 })
        starts.formUnion([0, 4, 8].map { batch.inputs.scalars[$0] })
      }
    }
    #expect(starts == Set(0...42), "every window that ends within the text")
    #expect(windows[1] == windows[1] && windows[1].inputs != windows[2].inputs)
  }
}
