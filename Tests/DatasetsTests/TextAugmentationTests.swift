import AviaryKernels
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct TextAugmentationTests {
  private let words = "the quick brown fox jumps over the lazy dog".split(separator: " ").map(String.init)
  private let synonyms = [["quick", "fast", "rapid"], ["dog", "hound"], ["lazy", "idle"]]

  private func draw(_ count: UInt64, _ body: (inout RandomStream) -> [String]) -> [[String]] {
    (0..<count).map { step in
      var random = RandomStream(seed: 1, purpose: "test", step: step)
      return body(&random)
    }
  }

  @Test func swapsKeepTheWords() {
    for result in draw(50, { TextChanges.swapped(words, count: 1, &$0) }) {
      #expect(result.sorted() == words.sorted())
      // Two places changed, unless both had the same word.
      #expect([0, 2].contains(zip(result, words).count { $0 != $1 }))
    }
    #expect(draw(1) { TextChanges.swapped(["a"], count: 3, &$0) } == [["a"]])
  }

  @Test func deletionsKeepTheOrderAndAWord() {
    var lengths = 0
    for result in draw(400, { TextChanges.thinned(words, probability: 0.3, &$0) }) {
      var rest = words[...]
      for word in result { rest = rest[(rest.firstIndex(of: word) ?? rest.endIndex)...].dropFirst() }
      #expect(result.count <= words.count && !result.isEmpty)
      lengths += result.count
    }
    #expect(abs(Double(lengths) / 400 / 9 - 0.7) < 0.03)
    for result in draw(20, { TextChanges.thinned(words, probability: 1, &$0) }) { #expect(result.count == 1) }
  }

  @Test func synonymsComeFromTheirGroups() {
    let changes = TextChanges(TextAugmentation(insertion: 0.3, replacement: 0.2, synonyms: synonyms))
    let known = Set(synonyms.joined())
    for result in draw(50, { changes.inserted(words, count: 2, &$0) }) {
      #expect(result.count == words.count + 2)
      #expect(Set(result).subtracting(words).isSubset(of: known))
    }
    var replaced: Set<String> = []
    for result in draw(80, { changes.replaced(words, count: 1, &$0) }) {
      let new = zip(result, words).filter { $0 != $1 }
      #expect(new.count == 1 && synonyms.contains { $0.contains(new[0].0) && $0.contains(new[0].1) })
      replaced.insert(new[0].0)
    }
    #expect(replaced == ["fast", "rapid", "hound", "idle"])
    // Nothing is known of these.
    #expect(draw(5) { changes.inserted(["x", "y"], count: 2, &$0) }.allSatisfy { $0 == ["x", "y"] })
  }

  @Test func aTextIsChangedInOneOfTheWaysOrNot() {
    let changes = TextChanges(TextAugmentation(swap: 0.1, deletion: 0.2))
    let text = words.joined(separator: " ")
    var (same, shorter, moved) = (0, 0, 0)
    for step in 0..<600 {
      var random = RandomStream(seed: 2, purpose: "test", step: UInt64(step))
      let result = changes.changed(text, using: &random)
      let parts = result.split(separator: " ").map(String.init)
      if result == text { same += 1 } else if parts.count < words.count { shorter += 1 } else { moved += 1 }
    }
    #expect(same > 200 && shorter > 120 && moved > 120, "\(same) \(shorter) \(moved)")
    var random = RandomStream(seed: 2, purpose: "test")
    #expect(changes.changed("  ", using: &random) == "  ")
  }

  @Test func groupsAreLinesOfAFile() {
    #expect(
      TextAugmentation.groups(in: "# words\nfast, quick ,rapid\nalone\nbig\tlarge\n\n")
        == [["fast", "quick", "rapid"], ["big", "large"]])
    #expect(throws: TableFault.self) { try TextAugmentation(replacement: 0.1).validate() }
    #expect(throws: TableFault.self) { try TextAugmentation(swap: 0).validate() }
  }

  @Test func trainingTextsChangeFromEpochToEpochAndNothingElseDoes() throws {
    let table = Table([
      .init("t", .categorical(["a quick fox", "the lazy dog", "one two three four", nil])),
      .init("y", .categorical(["u", "v", "u", "v"])),
    ])
    var settings = TextColumnSettings(target: "y", column: "t")
    settings.tokenizer = .word
    settings.augmentation = TextAugmentation(swap: 0.5, replacement: 0.5, synonyms: synonyms)
    let preprocessing = try TextColumnPreprocessing(fitting: table, rows: [0, 1, 2], settings)
    #expect(preprocessing.settings.augmentation == nil)
    let plain = try preprocessing.examples(of: table, rows: [0, 1, 2])
    let changing = try preprocessing.changing(plain, of: table, by: try #require(settings.augmentation), seed: 3)
    let epochs = (0..<8).map { changing.inEpoch($0) }
    #expect(Set(epochs.map(\.inputs.tokens)).count > 3)
    #expect(epochs.allSatisfy { $0.labels == plain.labels && $0.inputs.rows == plain.inputs.rows })
    #expect(changing.inEpoch(5) == epochs[5] && changing.inputs.tokens == plain.inputs.tokens)
    #expect(plain.inEpoch(4) == plain)
    let parts = { (training: Examples<TextSequences>) in DatasetParts(training: training).fingerprint().text }
    #expect(parts(plain) == parts(changing), "a resumed run knows its data")
  }

  /// As samplers draw texts of rare classes.
  @Test func aTextThatComesSeveralTimesChangesEachTime() throws {
    let words = (1...12).map { "w\($0)" }
    let table = Table([
      .init("t", .categorical([words.joined(separator: " "), words.reversed().joined(separator: " ")])),
      .init("y", .categorical(["u", "v"])),
    ])
    var settings = TextColumnSettings(target: "y", column: "t")
    settings.tokenizer = .word
    let preprocessing = try TextColumnPreprocessing(fitting: table, rows: [0, 1], settings)
    let plain = try preprocessing.examples(of: table, rows: [0, 1])
    let changing = try preprocessing.changing(plain, of: table, by: TextAugmentation(swap: 0.5), seed: 3).inEpoch(1)
    func rows(_ data: Examples<TextSequences>, order: [Int], startingAt start: Int = 0) -> [[Int32]] {
      let loader = DataLoader(data, batchSize: 4, epoch: 1, startingAt: start, order: order)
      return loader.flatMap { batch in
        let tokens = batch.inputs.tokens.scalars
        return (0..<batch.count).map { Array(tokens[$0 * 12..<($0 + 1) * 12]) }
      }
    }
    let order = [0, 0, 1] + Array(repeating: 0, count: 29)
    let drawn = rows(changing, order: order)
    // Half of the times a text stays as it is.
    #expect(Set(zip(drawn, order).filter { $0.1 == 0 }.map(\.0)).count > 4, "the same text, 31 times")
    #expect(
      drawn[0] == Array(changing.inputs[0]) && drawn[2] == Array(changing.inputs[1]), "the first time is as before")
    #expect(rows(changing, order: order, startingAt: 1) == Array(drawn.suffix(28)), "a resumed epoch goes on")
    #expect(Set(rows(plain, order: order)).count == 2)
  }
}
