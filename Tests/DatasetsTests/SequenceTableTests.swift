import AviaryTensors
import Foundation
import Testing

@testable import AviaryDatasets

/// Words, labels of tokens, and texts to write, from tables and from files with a token a line.
@Suite struct SequenceTableTests {
  // MARK: Words

  @Test(arguments: [
    ("The cat sat.", ["The", "cat", "sat", "."]), ("don't  stop!?", ["don't", "stop", "!", "?"]),
    ("3.5 of 1,000.", ["3.5", "of", "1,000", "."]), ("'tis a 'quote'", ["'", "tis", "a", "'", "quote", "'"]),
    ("na\u{ef}ve nai\u{308}ve", ["na\u{ef}ve", "nai\u{308}ve"]), ("", []), (" \t\n", []), ("a_b-c", ["a_b", "-", "c"]),
    ("日本 語", ["日本", "語"]), (".", ["."]), ("'", ["'"]),
  ])
  func wordsAndMarksAreApart(text: String, words: [String]) {
    let found = WordVocabulary.words(of: text)
    #expect(found.count == words.count && zip(found, words).allSatisfy { Array($0.utf8) == Array($1.utf8) }, "\(found)")
  }

  @Test func vocabulariesKnowTheirTokens() throws {
    let words = TextVocabulary(of: ["b a b", "c"], by: .word)
    #expect(words == .words(try #require(WordVocabulary(words: ["b", "a", "c"]))), "the most frequent one is first")
    let (tokens, isCut) = words.encode("c b x a", longest: 3)
    #expect(tokens == [2, 0, 3] && isCut && words.count == 3)
    #expect(words.decode([2, 3, 0, 9, -1]) == "c b")
    let marks = TextVocabulary(of: ["Is it (so) ?"], by: .word)
    #expect(marks.decode(marks.encode("Is it (so)?").tokens) == "Is it (so)?")
    let characters = TextVocabulary(of: ["cab", "zzz"], by: .character, longest: 2)
    #expect(characters.count == 3 && characters.encode("abz").tokens == [0, 3, 2])
    for vocabulary in [words, characters] {
      let copy = try JSONDecoder().decode(TextVocabulary.self, from: JSONEncoder().encode(vocabulary))
      #expect(copy == vocabulary)
    }
    for text in [#"["a","a"]"#, #"["a",""]"#, #""ba""#, #""""#, "3", "[1]"] {
      #expect(throws: (any Error).self) { try JSONDecoder().decode(TextVocabulary.self, from: Data(text.utf8)) }
    }
    // Two texts that Unicode takes for one are two words.
    #expect(TextVocabulary(of: ["\u{e9} e\u{301}"], by: .word).count == 2)
  }

  // MARK: Labels of tokens

  private let settings = TaggingSettings(target: "tags", column: "tokens")

  private func table(_ lines: [String]) throws -> Table {
    try Table(
      csv: Array(("tokens,tags\n" + lines.joined(separator: "\n") + "\n").utf8), path: "t.csv",
      kinds: ["tokens": .categorical, "tags": .categorical])
  }

  /// As the `datasets` library of Hugging Face exports them: the brackets and commas belong to no token.
  @Test func tokensAndLabelsMayBeLists() throws {
    let lines = [
      #"{"tokens": ["New York", "is", "\u00e9\""], "tags": [1, 0, 0]}"#, #"{"tokens": [], "tags": []}"#,
      #"{"tokens": ["is"], "tags": [2]}"#, #"{"tokens": null, "tags": [2]}"#,
      #"{"tokens": [ 7 , true ], "tags": [0,1]}"#,
    ]
    let texts = try Table(csv: Array(lines.joined(separator: "\n").utf8), path: "t.jsonl")
    let preprocessing = try TaggingPreprocessing(fitting: texts, rows: [0, 2], settings)
    #expect(preprocessing.tags == ["0", "1", "2"])
    #expect(preprocessing.vocabulary == .words(try #require(WordVocabulary(words: ["is", "New York", "\u{e9}\""]))))
    #expect(try preprocessing.texts(of: texts).words == [["New York", "is", "\u{e9}\""], ["is"], ["7", "true"]])
    let examples = try preprocessing.examples(of: texts)
    #expect(examples.inputs.rows == [0, 2, 4] && examples.steps.map { Array($0[0]) } == [1, 0, 0])
    // Texts to classify are read without them, too.
    #expect(
      try TextColumnPreprocessing.texts(of: texts, "tokens") == ["New York is \u{e9}\"", "", "is", nil, "7 true"])
    // A column of lists and texts is one of texts.
    let mixed = try Table(csv: Array(#"[{"a": ["b"]}, {"a": "c"}]"#.utf8), path: "t.json")
    #expect(try TextColumnPreprocessing.texts(of: mixed, "a") == [#"["b"]"#, "c"])
  }

  @Test(arguments: [#"["a", null]"#, #"["a", ["b"]]"#, #"["a", {"b": 1}]"#, #"["a", ""]"#])
  func listsAreFlat(list: String) throws {
    let texts = try Table(csv: Array("{\"tokens\": \(list), \"tags\": \"A B\"}".utf8), path: "t.jsonl")
    #expect(throws: TableFault.notAList(path: "t.jsonl", row: 1, column: "tokens")) {
      try TaggingPreprocessing(fitting: texts, rows: [0], settings)
    }
  }

  @Test func printedListsAreRefused() throws {
    let texts = try table(["\"['the', 'cat']\",D N"])
    #expect(
      throws: TableFault.listAsText(path: "t.csv", row: 2, column: "tokens", text: "['the', 'cat']")
    ) { try TaggingPreprocessing(fitting: texts, rows: [0], settings) }
    // Brackets in some rows are tokens.
    let some = try TaggingPreprocessing(fitting: table(["[ 1 ],A B A", "x,A"]), rows: [0], settings)
    #expect(some.vocabulary.count == 3)
  }

  @Test func eachTokenHasALabel() throws {
    let texts = try table(["the cat,D N", "\"\",\"\"", "a  dog runs,D N V", "x,"])
    let preprocessing = try TaggingPreprocessing(fitting: texts, rows: [0], settings)
    #expect(preprocessing.tags == ["D", "N", "V"], "of all rows")
    #expect(preprocessing.vocabulary.count == 2 && preprocessing.symbols == 3, "of the training rows")
    let examples = try preprocessing.examples(of: texts)
    let batch = examples.batch(of: [0, 1])
    #expect(batch.inputs.lengths == [2, 3])
    #expect(batch.inputs.tokens.scalars == [1, 0, 0, 2, 2, 2], "of equally frequent words in the order of their bytes")
    guard case .steps(let labels) = batch.target else {
      Issue.record("there is no label for each step")
      return
    }
    #expect(labels.shape == [2, 3] && labels.scalars == [0, 1, -1, 0, 1, 2])
    #expect(try preprocessing.texts(of: texts).words == [["the", "cat"], ["a", "dog", "runs"], ["x"]])
    let copy = try JSONDecoder().decode(TaggingPreprocessing.self, from: JSONEncoder().encode(preprocessing))
    #expect(try copy.validated() == preprocessing)
    var short = settings
    short.longest = 2
    let cut = try TaggingPreprocessing(fitting: texts, rows: [0, 2], short).examples(of: texts)
    #expect(cut.inputs.shortened == 1 && cut.batch(of: [0, 1]).inputs.lengths == [2, 2])
  }

  @Test func labelsThatDoNotGoWithTokensAreFaults() throws {
    #expect(throws: TableFault.tagCount(path: "t.csv", row: 3, tokens: 2, tags: 3)) {
      try PreparedTable<TaggingPreprocessing>(table(["a b,X Y", "a b,X Y X"]), settings)
    }
    #expect(throws: TableFault.oneClass(path: "t.csv", column: "tags", name: "X")) {
      try TaggingPreprocessing(fitting: table(["a b,X X"]), rows: [0], settings)
    }
    let known = try TaggingPreprocessing(fitting: table(["a b,X Y"]), rows: [0], settings)
    #expect(throws: TableFault.unknownClass(path: "t.csv", row: 2, column: "tags", name: "Z")) {
      try known.examples(of: table(["a,Z"]))
    }
    #expect(throws: TableFault.noRowsLeft(path: "t.csv", rows: 1)) { try known.examples(of: table(["\"\",\"\""])) }
    var same = settings
    same.column = "tags"
    #expect(throws: TableFault.self) { try same.validate() }
    same = settings
    same.longest = 0
    #expect(throws: TableFault.self) { try same.validate() }
  }

  private func lines(_ text: String, path: String = "t.conll", needsTags: Bool = true) throws(TableFault) -> Table {
    try TaggedText.table(Array(text.utf8), path: path, columns: ("tokens", "tags"), needsTags: needsTags)
  }

  private func words(_ table: Table, _ name: String) -> [String?] {
    if case .categorical(let words)? = table[name]?.values { words } else { [] }
  }

  @Test func filesWithATokenALine() throws {
    let text = "-DOCSTART- -X- O\n\nU.N. NNP I-NP B-ORG\nofficial NN I-NP O\r\n\n\n# O\nx\tB-PER"
    let table = try lines("\u{feff}" + text)
    #expect(words(table, "tokens") == ["U.N. official", "# x"] && words(table, "tags") == ["B-ORG O", "O B-PER"])
    #expect(table.rowNumbers == [3, 7], "the lines that they begin on")
    #expect(throws: TableFault.noTag(path: "t.conll", line: 2, token: "b")) { try lines("a X\nb\n") }
    let open = try lines("a\nb\n\nc X\n", needsTags: false)
    #expect(words(open, "tokens") == ["a b", "c"] && words(open, "tags") == [nil, "X"])
    #expect(throws: TableFault.noRows(path: "t.conll")) { try lines("\n \n-DOCSTART- O\n") }
    #expect(throws: TableFault.notUTF8(path: "t", row: 2, column: "1")) {
      try TaggedText.table(Array("a X\n".utf8) + [0xff], path: "t", columns: ("a", "b"), needsTags: true)
    }
  }

  @Test func treebanks() throws {
    let text = """
      # text = du 10 000
      1-2\tdu\t_\t_\t_
      1\tde\tde\tADP\t_
      2\tle\tle\tDET\t_
      2.1\tx\tx\tX\t_
      3\t10 000\t10\tNUM\t_

      """
    let table = try lines(text, path: "fr.conllu")
    #expect(words(table, "tokens") == ["de le 10_000"] && words(table, "tags") == ["ADP DET NUM"])
    #expect(throws: TableFault.ragged(path: "fr.conllu", row: 1, fields: 2, expected: 4)) {
      try lines("1\tde\n", path: "fr.conllu")
    }
  }

  @Test func spansAreNames() {
    func spans(_ text: String) -> [String] {
      TagSpan.spans(of: text.split(separator: " ").map(String.init)).map {
        "\($0.kind)\($0.range.lowerBound)-\($0.range.upperBound)"
      }
    }
    #expect(spans("B-P I-P O B-P B-P") == ["P0-2", "P3-4", "P4-5"])
    #expect(spans("I-P I-P I-L O I-L") == ["P0-2", "L2-3", "L4-5"], "a kind begins without its mark")
    #expect(spans("S-P B-L I-L E-L I-L U-P L-P") == ["P0-1", "L1-4", "L4-5", "P5-6", "P6-7"])
    #expect(spans("O O") == [] && spans("") == [])
    #expect(TagSpan.areMarked(by: ["B-P", "I-P", "O"]) && TagSpan.areMarked(by: ["S-P"]))
    for tags in [["NOUN", "O"], ["O"], ["I-P", "O"], ["B-P", "X"], []] { #expect(!TagSpan.areMarked(by: tags)) }
  }

  // MARK: Texts to write

  private func pairs() throws -> Table {
    try Table(
      csv: Array("from,to\nab,ba\nabc,cba\n\"\",x\nq,\nabz,zb\n".utf8), path: "p.csv",
      kinds: ["from": .categorical, "to": .categorical])
  }

  @Test func pairsBecomeWhatIsReadAndWritten() throws {
    let settings = TranslationSettings(target: "to", column: "from")
    let preprocessing = try TranslationPreprocessing(fitting: pairs(), rows: [0, 1], settings)
    #expect(preprocessing.symbols == 4 && preprocessing.written.symbols == 5 && preprocessing.written.longest == 3)
    let examples = try preprocessing.examples(of: pairs())
    #expect(examples.count == 3 && examples.inputs.sources.rows == [0, 1, 4])
    let batch = examples.batch(of: [0, 2])
    // a b c are 0 1 2, what nobody knows is 3, and the end is 4.
    #expect(batch.inputs.source.tokens.scalars == [0, 1, 0, 0, 1, 3] && batch.inputs.source.lengths == [2, 3])
    #expect(batch.inputs.previous.scalars == [4, 1, 0, 4, 3, 1])
    guard case .steps(let labels) = batch.target else {
      Issue.record("there is no token for each step")
      return
    }
    #expect(labels.scalars == [1, 0, 4, 3, 1, 4])
    let copy = try JSONDecoder().decode(TranslationPreprocessing.self, from: JSONEncoder().encode(preprocessing))
    #expect(try copy.validated() == preprocessing)
    var other = preprocessing
    other.settings.tokenizer = .word
    #expect(throws: TableFault.self) { try other.validated() }
    #expect(throws: TableFault.noRowsLeft(path: "p.csv", rows: 1)) {
      try preprocessing.examples(of: pairs(), rows: [3])
    }
    var short = settings
    short.longest = 1
    let cut = try TranslationPreprocessing(fitting: pairs(), rows: [0], short).examples(of: pairs(), rows: [0])
    #expect(cut.inputs.sources.shortened == 1 && cut.inputs.shortened == 1)
    #expect(cut.inputs.remarks == Array(repeating: "1 text is cut off after 1 character", count: 2))
    #expect(cut.batch(of: [0]).inputs.previous.scalars.count == 2)
  }

  @Test func rowsBecomeWhatIsWrittenAbout() throws {
    let table = try Table(
      csv: Array("colour,size,name\nred,1,ab\nblue,3,cd\nred,2,\n".utf8), path: "r.csv",
      kinds: ["name": .categorical])
    var settings = GenerationSettings(target: "name")
    settings.tokenizer = .character
    let preprocessing = try GenerationPreprocessing(fitting: table, rows: [0, 1], settings)
    #expect(preprocessing.inputShape == [3] && preprocessing.rows.columnNames == ["size", "colour"])
    let examples = try preprocessing.examples(of: table)
    #expect(examples.inputs.batch([0]).source.shape == [1, 3])
    let copy = try JSONDecoder().decode(GenerationPreprocessing.self, from: JSONEncoder().encode(preprocessing))
    #expect(try copy.validated() == preprocessing)
    settings.table.excluded = ["colour", "size"]
    #expect(throws: TableFault.noFeatures(path: "r.csv")) {
      try GenerationPreprocessing(fitting: table, rows: [0], settings)
    }
  }

  // MARK: Several values of a time series

  @Test func severalValuesAreTargetsAtOnce() throws {
    let series = try Table(csv: Array(("t\n" + (0..<20).map { "\($0)\n" }.joined()).utf8), path: "t.csv")
    var settings = SeriesSettings(target: "t", window: 4)
    (settings.horizon, settings.steps, settings.scaling) = (3, 3, .none)
    let data = try PreparedTable<SeriesPreprocessing>(series, settings, validation: 0.2, test: 0.2)
    let training = data.parts.training
    // 12 rows are learned from; no window has a target in two parts.
    #expect(training.count == 6 && training.targetWidth == 3)
    #expect(Array(training.targets.prefix(3)) == [4, 5, 6] && training.targets.last == 11)
    #expect(data.parts.validation?.targets == [12, 13, 14, 13, 14, 15])
    #expect(data.parts.test?.targets == [16, 17, 18, 17, 18, 19])
    guard case .numbers(let targets) = training.batch(of: [1, 0]).target else {
      Issue.record("there are no numbers")
      return
    }
    #expect(targets.shape == [2, 3] && targets.scalars == [5, 6, 7, 4, 5, 6])
    // One value some rows ahead, as before.
    settings.steps = nil
    let last = try PreparedTable<SeriesPreprocessing>(series, settings, validation: 0.2, test: 0.2)
    #expect(last.parts.training.targets == [6, 7, 8, 9, 10, 11] && last.parts.test?.count == 4)
    settings.steps = 3
    let fault = #expect(throws: TableFault.partTooShort(path: "t.csv", part: "test", rows: 2, needed: 3)) {
      try PreparedTable<SeriesPreprocessing>(series, settings, validation: 0.2, test: 0.1)
    }
    #expect(fault?.description.contains("test part has 2 rows") == true)
    for steps in [0, 4] {
      settings.steps = steps
      #expect(throws: TableFault.self) { try settings.validate() }
    }
    // A network that knows its horizon keeps it.
    var longer = SeriesSettings(target: "t", window: 5)
    let kept = try data.preprocessing.adapted(to: longer, path: "t.csv")
    #expect(kept.settings.stepCount == 3 && kept.settings.rowsAhead == 3 && kept.settings.window == 5)
    longer.horizon = 2
    #expect(try data.preprocessing.adapted(to: longer, path: "t.csv").settings.stepCount == 1)
  }

  @Test func aFullVocabularyIsSaid() {
    func remark(_ count: Int) -> String? {
      WordVocabulary(words: (0..<count).map(String.init)).flatMap { TextVocabulary.words($0).remark }
    }
    #expect(remark(WordVocabulary.limit - 1) == nil)
    #expect(
      remark(WordVocabulary.limit)?.hasPrefix("the vocabulary is full: it has the 30000 most frequent words") == true)
    #expect(TextVocabulary(of: ["abc"], by: .character).remark == nil)
  }
}
