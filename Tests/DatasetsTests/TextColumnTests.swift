import AviaryTensors
import Foundation
import Testing

@testable import AviaryDatasets

/// Texts in the column of a table, as tokens.
@Suite struct TextColumnTests {
  private func table(_ lines: [String]) throws -> Table {
    try Table(
      csv: Array(("word,language\n" + lines.joined(separator: "\n") + "\n").utf8), path: "words.csv",
      kinds: ["word": .categorical])
  }

  private let settings = TextColumnSettings(target: "language", column: "word")

  @Test func charactersAreNumberedByTheTrainingRows() throws {
    let words = try table(["cab,en", "äb,de", "7,en", ",en", "ab,"])
    let preprocessing = try TextColumnPreprocessing(fitting: words, rows: [0, 1], settings)
    #expect(preprocessing.vocabulary == .characters(CharacterVocabulary(of: "äbac")) && preprocessing.symbols == 5)
    #expect(preprocessing.target.classes == ["de", "en"])
    let texts = try preprocessing.texts(of: words)
    #expect(texts.rows == [0, 1, 2, 4], "a row without text has no tokens")
    let (tokens, lengths) = texts.batch([0, 1, 2])
    #expect(lengths == [3, 2, 1] && tokens.shape == [3, 3])
    #expect(tokens.scalars == [2, 0, 1, 3, 1, 0, 4, 0, 0], "what training has not seen has a token of its own")
    let part = try preprocessing.examples(of: words)
    #expect(part.labels == [1, 0, 1] && part.inputs.rows == [0, 1, 2])
  }

  @Test func longTextsAreShortened() throws {
    var short = settings
    short.longest = 2
    let words = try table(["abcdef,en", "ab,de"])
    let preprocessing = try TextColumnPreprocessing(fitting: words, rows: [0, 1], short)
    let texts = try preprocessing.texts(of: words)
    #expect(texts.batch([0, 1]).lengths == [2, 2] && texts.shortened == 1)
    #expect(preprocessing.vocabulary.count == 2, "what is never read needs no number")
  }

  @Test func whatANetworkDoesNotReadIsSaid() throws {
    var short = settings
    (short.longest, short.tokenizer) = (2, .word)
    let words = try table(["a b c,en", "a b,de", "x y,en", "?,en", "b x d,de"])
    let preprocessing = try TextColumnPreprocessing(fitting: words, rows: [0, 1], short)
    let parts = try [[0, 1], [2, 3, 4]].map { try preprocessing.texts(of: words, rows: $0) }
    #expect(parts[0].remarks == ["1 text is cut off after 2 words"])
    #expect(
      TextSequences.remarks(on: parts) == [
        "2 texts are cut off after 2 words", "2 of 5 texts have no word that the network knows",
      ])
    #expect(try preprocessing.texts(of: words, rows: [1]).remarks.isEmpty)
    let unread = try preprocessing.examples(of: words, rows: [2, 3])
    #expect(unread.inputs.remarks == ["2 of 2 texts have no word that the network knows"])
  }

  @Test func partsAreStratified() throws {
    let words = try table((0..<40).map { "\($0 % 2 == 0 ? "oui" : "yes")\($0),\($0 % 2 == 0 ? "fr" : "en")" } + [",en"])
    let data = try PreparedTable<TextColumnPreprocessing>(words, settings, validation: 0.1, test: 0.2, seed: 3)
    #expect(data.parts.skipped == 1)
    #expect([data.parts.training.count, data.parts.validation?.count, data.parts.test?.count] == [28, 4, 8])
    #expect(data.parts.test?.labels.count { $0 == 0 } == 4)
    let again = try PreparedTable<TextColumnPreprocessing>(words, settings, validation: 0.1, test: 0.2, seed: 3)
    #expect(again.parts.training == data.parts.training && again.preprocessing == data.preprocessing)
    var known = data.preprocessing
    known.vocabulary = .characters(CharacterVocabulary(of: "xyz"))
    #expect(
      try PreparedTable<TextColumnPreprocessing>(words, settings, keeping: known, seed: 3).preprocessing.symbols == 4)
    let copy = try JSONDecoder().decode(TextColumnPreprocessing.self, from: JSONEncoder().encode(data.preprocessing))
    #expect(try copy.validated() == data.preprocessing)
  }

  @Test func whatIsNoTextIsRefused() throws {
    let numbers = try Table(csv: Array("word,language\n1,en\n2,de\n".utf8), path: "words.csv")
    #expect(throws: TableFault.noTexts(path: "words.csv", column: "word")) {
      try PreparedTable<TextColumnPreprocessing>(numbers, settings, seed: 0)
    }
    #expect(throws: TableFault.oneClass(path: "words.csv", column: "language", name: "en")) {
      try PreparedTable<TextColumnPreprocessing>(table(["a,en", "b,en", "c,en"]), settings, seed: 0)
    }
    #expect(throws: TableFault.noRowsLeft(path: "words.csv", rows: 2)) {
      try PreparedTable<TextColumnPreprocessing>(table([",en", "b,"]), settings, seed: 0)
    }
    var same = settings
    same.column = "language"
    #expect(throws: TableFault.self) { try same.validate() }
    same = settings
    same.longest = 0
    #expect(throws: TableFault.self) { try same.validate() }
  }
}
