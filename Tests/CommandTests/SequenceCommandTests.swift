import Foundation
import Testing

/// train, evaluate and predict on sequences of every form.
@Suite struct SequenceCommandTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func run(_ arguments: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  @Test func severalValuesOfATimeSeries() throws {
    let level = { (row: Int) -> Double in 50 + 20 * sin(Double(row) / 3) }
    try scratch.write("level\n" + (0..<160).map { "\(level($0))\n" }.joined(), to: "levels.csv")
    let trained = try run(
      "train", "text-cnn", "--data", "levels.csv", "--target", "level", "--window", "8", "--horizon", "3", "--output",
      "run", "--epochs", "15", "--set", "filters=8", "--set", "dropout=0", "--learning-rate", "0.02")
    #expect(trained.status == 0, "\(trained.errors)")
    let evaluated = try run("evaluate", "run", "--data", "levels.csv", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let steps = try #require(try evaluated.json()["steps"] as? [[String: Any]])
    #expect(try evaluated.json()["windows"] as? Int == 14 && steps.count == 3)
    #expect(try #require(steps[0]["rmse"] as? Double) < 8)
    let lines = try run("evaluate", "run", "--data", "levels.csv").lines
    #expect(lines[0].hasPrefix("14 windows, 3 values each, root mean squared error"))
    #expect(lines.contains { $0.contains("step") && $0.contains("RMSE") && $0.contains("MAE") })
    let predicted = try run("predict", "run", "levels.csv")
    #expect(predicted.output.hasPrefix("levels.csv: next 3 of level: "), "\(predicted.errors)")
    let answers = try #require(
      try run("predict", "run", "levels.csv", "--json").json()["predictions"] as? [[String: Any]])
    #expect((answers[0]["values"] as? [Double])?.count == 3)
    expectFault(
      try run(
        "train", "text-cnn", "--data", "levels.csv", "--target", "level", "--window", "8", "--horizon", "20",
        "--output", "not"), "levels.csv: its validation part has 16 rows, fewer than the 20")
    expectFault(try run("predict", "run", "levels.csv", "--beam", "2"), "writes no texts; leave out --beam")
  }

  @Test func labelsOfTokens() throws {
    let phrases = ["mr B-PER\nbill I-PER\n", "can O\n", "see O\n"]
    let sentences = (0..<60).map { row -> String in
      (row..<row + 2 + row % 3).map { phrases[$0 % 3] }.joined()
    }
    try scratch.write(sentences.joined(separator: "\n"), to: "names.conll")
    let trained = try run(
      "train", "sequence-tagger-gru", "--data", "names.conll", "--output", "run", "--epochs", "8", "--set", "hidden=8",
      "--set", "embedding=8", "--learning-rate", "0.02", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("names.conll: a token and its label on each line"))
    #expect(try #require(try trained.json()["test_accuracy"] as? Double) > 0.9)
    let evaluated = try run("evaluate", "run", "--data", "names.conll", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let spans = try #require(try evaluated.json()["spans"] as? [String: Any])
    #expect(try #require(spans["f1"] as? Double) > 0.8 && evaluated.json()["part"] as? String == "test")
    #expect(try run("evaluate", "run", "--data", "names.conll").output.contains("F1 "))
    try scratch.write("tokens\nmr bill can\n\"\"\n", to: "new.csv")
    try scratch.write("mr\nbill\n\nunseen\n", to: "new.txt")
    let predicted = try run("predict", "run", "new.csv", "new.txt", "--json")
    #expect(predicted.status == 1 && predicted.errors.contains("new.csv row 3"), "\(predicted.errors)")
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(answers[0]["tags"] as? [String] == ["B-PER", "I-PER", "O"])
    #expect(answers[2]["tokens"] as? [String] == ["mr", "bill"] && answers[3]["tokens"] as? [String] == ["unseen"])
    #expect(try run("predict", "run", "new.txt").lines[0] == "new.txt row 1: mr/B-PER bill/I-PER")

    try scratch.write("tokens,tags\na b,X\n", to: "odd.csv")
    let train = ["train", "sequence-tagger-lstm", "--output", "not", "--data"]
    for (more, text) in [
      (["odd.csv"], "odd.csv: row 2: 2 tokens and 1 labels"),
      (["new.txt"], "new.txt: line 1: the token 'mr' has no label"),
      (["new.csv"], "no column 'tags'"), (["odd.csv", "--text", "words"], "no column 'words'"),
    ] {
      expectFault(try BuiltTool.run(train + more, in: scratch.path), text)
    }
    let refused = try BuiltTool.run(train + ["odd.csv", "--window", "3"], in: scratch.path)
    #expect(refused.status == 64 && refused.errors.contains("leave out --window"))
    expectFault(try run("evaluate", "run", "--data", "new.txt"), "has no label")
  }

  @Test func textsThatAreWritten() throws {
    let words = (0..<60).map { row in ["ab", "ba", "abb", "bab"][row % 4] }
    let rows = words.map { "\($0),\(String($0.reversed()))" }
    try scratch.write("word,back\n" + rows.joined(separator: "\n") + "\n", to: "words.csv")
    let trained = try run(
      "train", "seq2seq-gru", "--data", "words.csv", "--text", "word", "--target", "back", "--output", "run",
      "--epochs",
      "25", "--set", "hidden=12", "--set", "embedding=6", "--set", "dropout=0", "--learning-rate", "0.03")
    #expect(trained.status == 0, "\(trained.errors)")
    let evaluated = try run("evaluate", "run", "--data", "words.csv", "--beam", "2", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(try evaluated.json()["exact_match"] as? Double == 1 && evaluated.json()["texts"] as? Int == 6)
    try scratch.write("word\nabb\n\"\"\n", to: "new.csv")
    let predicted = try run("predict", "run", "new.csv", "--beam", "3")
    #expect(predicted.status == 1 && predicted.lines.first == "new.csv row 2: bba", "\(predicted.errors)")
    let answers = try #require(try run("predict", "run", "new.csv", "--json").json()["predictions"] as? [[String: Any]])
    #expect(try answers[0]["text"] as? String == "bba" && #require(answers[0]["log_probability"] as? Double) < 0)

    for (more, status, text) in [
      (["seq2seq-gru", "--target", "back"], 64, "--text is missing"),
      (["seq2seq-gru", "--text", "word"], 1, "--target"),
      (["seq2seq-gru", "--text", "word", "--target", "back", "--missing", "mean"], 64, "leave out --missing"),
      (["seq2seq-gru", "--text", "word", "--target", "word"], 1, "text column 'word'"),
      (["sequence-lstm", "--target", "back", "--tokenizer", "word"], 64, "--tokenizer needs --text"),
      (["sequence-generator-gru", "--target", "back", "--text", "word"], 64, "leave out --text"),
      (["text-cnn", "--text", "word", "--target", "back", "--tokenizer", "sentence"], 64, "--tokenizer"),
    ] as [([String], Int32, String)] {
      let refused = try BuiltTool.run(
        ["train"] + more + ["--data", "words.csv", "--output", "not"], in: scratch.path)
      #expect(refused.status == status && refused.errors.contains(text), "\(more): \(refused.errors)")
    }
    #expect(try run("predict", "run", "new.csv", "--beam", "0").status == 64)
  }

  @Test func textsForRows() throws {
    let rows = (0..<60).map { ["cat,4,miau", "dog,4,wuff", "bird,2,piep"][$0 % 3] }
    try scratch.write("animal,legs,sound\n" + rows.joined(separator: "\n") + "\n", to: "sounds.csv")
    let trained = try run(
      "train", "sequence-generator-lstm", "--data", "sounds.csv", "--target", "sound", "--output", "run", "--epochs",
      "25", "--set", "hidden=12", "--set", "embedding=6", "--set", "dropout=0", "--learning-rate", "0.03")
    #expect(trained.status == 0, "\(trained.errors)")
    try scratch.write("legs,animal\n4,dog\n2,bird\n", to: "new.csv")
    let predicted = try run("predict", "run", "new.csv")
    #expect(predicted.lines == ["new.csv row 2: wuff", "new.csv row 3: piep"], "\(predicted.errors)")
    let evaluated = try run("evaluate", "run", "--data", "sounds.csv")
    #expect(evaluated.output.contains("written exactly"), "\(evaluated.errors)")
  }
}
