import AviaryTensors
import Foundation
import Testing

@testable import AviaryDatasets

/// Texts in the column of a table, as tokens.
@Suite struct CharacterTests {
  private func table(_ lines: [String]) throws -> Table {
    try Table(
      csv: Array(("word,language\n" + lines.joined(separator: "\n") + "\n").utf8), path: "words.csv",
      kinds: ["word": .categorical])
  }

  private let settings = CharacterSettings(target: "language", column: "word")

  @Test func charactersAreNumberedByTheTrainingRows() throws {
    let words = try table(["cab,en", "äb,de", "7,en", ",en", "ab,"])
    let preprocessing = try CharacterPreprocessing(fitting: words, rows: [0, 1], settings)
    #expect(preprocessing.vocabulary.characters == ["a", "b", "c", "ä"] && preprocessing.symbols == 5)
    #expect(preprocessing.target.classes == ["de", "en"])
    let texts = try preprocessing.texts(of: words)
    #expect(texts.rows == [0, 1, 2, 4], "a row without text has no tokens")
    let (tokens, lengths) = texts.batch([0, 1, 2])
    #expect(lengths == [3, 2, 1] && tokens.shape == [3, 3])
    #expect(tokens.scalars == [2, 0, 1, 3, 1, 0, 4, 0, 0], "what training has not seen has a token of its own")
    let part = try preprocessing.part(of: words)
    #expect(part.labels == [1, 0, 1] && part.texts.rows == [0, 1, 2])
  }

  @Test func longTextsAreShortened() throws {
    var short = settings
    short.longest = 2
    let words = try table(["abcdef,en", "ab,de"])
    let preprocessing = try CharacterPreprocessing(fitting: words, rows: [0, 1], short)
    let texts = try preprocessing.texts(of: words)
    #expect(texts.batch([0, 1]).lengths == [2, 2] && texts.shortened == 1)
    #expect(preprocessing.vocabulary.count == 2, "what is never read needs no number")
  }

  @Test func partsAreStratified() throws {
    let words = try table((0..<40).map { "\($0 % 2 == 0 ? "oui" : "yes")\($0),\($0 % 2 == 0 ? "fr" : "en")" } + [",en"])
    let data = try CharacterDataset(words, settings, validation: 0.1, test: 0.2, seed: 3)
    #expect(data.skipped == 1)
    #expect([data.training.count, data.validation?.count, data.test?.count] == [28, 4, 8])
    #expect(data.test?.labels.count { $0 == 0 } == 4)
    let again = try CharacterDataset(words, settings, validation: 0.1, test: 0.2, seed: 3)
    #expect(again.training == data.training && again.preprocessing == data.preprocessing)
    let known = CharacterVocabulary(of: "xyz")
    #expect(try CharacterDataset(words, settings, keeping: known, seed: 3).preprocessing.symbols == 4)
    let copy = try JSONDecoder().decode(CharacterPreprocessing.self, from: JSONEncoder().encode(data.preprocessing))
    #expect(try copy.validated() == data.preprocessing)
  }

  @Test func whatIsNoTextIsRefused() throws {
    let numbers = try Table(csv: Array("word,language\n1,en\n2,de\n".utf8), path: "words.csv")
    #expect(throws: TableFault.noTexts(path: "words.csv", column: "word")) {
      try CharacterDataset(numbers, settings, seed: 0)
    }
    #expect(throws: TableFault.oneClass(path: "words.csv", column: "language", name: "en")) {
      try CharacterDataset(table(["a,en", "b,en", "c,en"]), settings, seed: 0)
    }
    #expect(throws: TableFault.noRowsLeft(path: "words.csv", rows: 2)) {
      try CharacterDataset(table([",en", "b,"]), settings, seed: 0)
    }
    var same = settings
    same.column = "language"
    #expect(throws: TableFault.self) { try same.validate() }
    same = settings
    same.longest = 0
    #expect(throws: TableFault.self) { try same.validate() }
  }
}
