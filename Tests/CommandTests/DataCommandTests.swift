import Aviary
import Foundation
import Testing

/// train, evaluate, predict and sample on what is not a folder of photographs.
@Suite struct DataCommandTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: scratch / name))
  }

  private func run(_ arguments: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  @Test func aTableOfClasses() throws {
    let rows = (0..<120).map {
      "\($0 % 2 == 0 ? 5 : 1).\($0 % 7),\($0 % 2 == 0 ? "red" : "blue"),\($0 % 2 == 0 ? "rose" : "iris")"
    }
    try write("length,colour,kind\n" + rows.joined(separator: "\n") + "\n", to: "flowers.csv")
    let trained = try run(
      "train", "mlp", "--data", "flowers.csv", "--target", "kind", "--output", "run", "--epochs", "8", "--set",
      "hidden=[8]", "--set", "dropout=[0]", "--learning-rate", "0.02", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try trained.json()["classes"] as? [String] == ["iris", "rose"])
    #expect(try trained.json()["test_accuracy"] as? Double == 1)
    #expect(trained.errors.contains("flowers.csv: table") && trained.errors.contains("rows/s"))
    let evaluated = try run("evaluate", "run/best.h5", "--data", "flowers.csv", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(try evaluated.json()["accuracy"] as? Double == 1)
    #expect(try evaluated.json()["rows"] as? Int == 12)
    try write("colour,length\nred,5.5\nblue,1.2\ngreen,1.1\n", to: "new.csv")
    let predicted = try run("predict", "run/best.h5", "new.csv", "--top", "1", "--json")
    #expect(predicted.status == 0, "\(predicted.errors)")
    let predictions = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    let names = predictions.map { (($0["classes"] as? [[String: Any]])?.first?["name"] as? String) ?? "" }
    #expect(names == ["rose", "iris", "iris"])
    // OpenMP would begin as many threads as it is told.
    let crowded = try BuiltTool.run(
      ["predict", "run/best.h5", "new.csv", "--top", "1", "--json"], in: scratch.path,
      environment: ["OMP_NUM_THREADS": "1000000"])
    #expect(crowded.status >= 0, "a signal ended it: \(crowded.errors)")
    // What is not called as a table is not an image for that, above all where there is nothing.
    try write("colour,length\nred,5.5\n", to: "new.dat")
    expectFault(try run("predict", "run/best.h5", "nothing"), "nothing: no such file")
    expectFault(try run("predict", "run/best.h5", "new.dat"), "new.dat: is not called as a table is (.csv")
    #expect(predicted.errors.contains("green"), "a colour that training has not seen is said")
    // So it is in training, for all parts together, with columns that a kept preparation leaves aside.
    let green = rows.map { $0.replacingOccurrences(of: "red", with: "green") + ",1" }
    try write("length,colour,kind,extra\n" + green.joined(separator: "\n") + "\n", to: "green.csv")
    let tuned = try run(
      "finetune", "--from", "run/best.h5", "--data", "green.csv", "--target", "kind", "--output", "tuned", "--epochs",
      "1")
    #expect(tuned.errors.contains("column colour: 'green' is not a word that the network knows (60 rows)"))
    #expect(tuned.status == 0 && tuned.errors.contains("columns not used: extra"), "\(tuned.errors)")
    let tested = try run(
      "train", "mlp", "--data", "flowers.csv", "--target", "kind", "--test", "green.csv", "--output", "tested",
      "--epochs", "1", "--set", "hidden=[4]")
    #expect(tested.errors.contains("column colour: 'green' is not a word that the network knows (60 rows)"))
    #expect(tested.status == 0 && !tested.errors.contains("not used"), "\(tested.errors)")
    try write("length\n5.5\n", to: "short.csv")
    expectFault(try run("predict", "run/best.h5", "short.csv"), "short.csv", "colour")
    expectFault(try run("predict", "run/best.h5", "none.csv"), "none.csv")
    // One table that cannot be read does not cost the others their answers.
    let some = try run("predict", "run/best.h5", "none.csv", "new.csv", "--json")
    #expect(some.status == 1 && some.errors.contains("none.csv"))
    let answers = try #require(try some.json()["predictions"] as? [[String: Any]])
    #expect(answers.count == 4 && answers[0]["error"] != nil && answers.dropFirst().allSatisfy { $0["classes"] != nil })
    expectFault(try run("evaluate", "run/best.h5", "--data", "nowhere"), "nowhere: no such file or folder")
  }

  /// Rows that training would have left out are named, each with its reason.
  @Test func rowsThatLackValues() throws {
    let rows = (0..<60).map { "\($0 % 2 == 0 ? 5 : 1).\($0 % 7),\($0 % 2 == 0 ? "rose" : "iris")" }
    try write("length,kind\n" + rows.joined(separator: "\n") + "\n", to: "flowers.csv")
    let trained = try run(
      "train", "mlp", "--data", "flowers.csv", "--target", "kind", "--output", "run", "--epochs", "1", "--set",
      "hidden=[4]", "--set", "dropout=[0]", "--missing", "drop")
    #expect(trained.status == 0, "\(trained.errors)")
    try write("length\n5.5\nNA\n1.2\n", to: "new.csv")
    let predicted = try run("predict", "run/best.h5", "new.csv", "--json")
    #expect(predicted.status == 1 && predicted.errors.contains("new.csv row 3: a value is missing"))
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(answers.map { $0["row"] as? Int } == [2, 3, 4])
    #expect(answers.map { $0["error"] != nil } == [false, true, false])
    let lines = try run("predict", "run/best.h5", "new.csv").output
    #expect(lines.contains("new.csv row 3: not predicted"))
  }

  @Test func aNumberOfATable() throws {
    let rows = (0..<100).map { "\($0 % 10),\($0 % 3),\(3 * ($0 % 10) - $0 % 3)" }
    try write("a,b,y\n" + rows.joined(separator: "\n") + "\n", to: "numbers.csv")
    let trained = try run(
      "train", "mlp", "--data", "numbers.csv", "--target", "y", "--output", "run", "--epochs", "40", "--set",
      "hidden=[16]", "--set", "dropout=[0]", "--learning-rate", "0.02", "--outliers", "iqr=3")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.output.contains("test loss"))
    let evaluated = try run("evaluate", "run/best.h5", "--data", "numbers.csv", "--json")
    #expect(try #require(try evaluated.json()["r2"] as? Double) > 0.9)
    #expect(try run("predict", "run/best.h5", "numbers.csv").output.contains("numbers.csv row 2: y "))
  }

  /// A target far from zero, in units of its own, and a second run that goes on with the first one's head.
  @Test func aNumberFarFromZero() throws {
    let rows = (0..<200).map { "\($0 % 10),\($0 % 3),\"\(300 + 40 * ($0 % 10) - 9 * ($0 % 3)),000\"" }
    try write("rooms,floor,price\n" + rows.joined(separator: "\n") + "\n", to: "houses.csv")
    let trained = try run(
      "train", "mlp", "--data", "houses.csv", "--target", "price", "--output", "run", "--epochs", "30", "--set",
      "hidden=[16]", "--set", "dropout=[0]", "--learning-rate", "0.02")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("column price: is read as numbers that are written with commas between thousands"))
    #expect(trained.errors.contains("target price is standardized"))
    #expect(trained.output.contains("test RMSE") && trained.output.contains("in the target's units"))
    let tuned = try run(
      "finetune", "--from", "run/best.h5", "--data", "houses.csv", "--target", "price", "--output", "tuned", "--epochs",
      "1", "--learning-rate", "0.0001", "--json")
    #expect(tuned.status == 0, "\(tuned.errors)")
    #expect(tuned.errors.contains("run/best.h5 predicts this target already"))
    #expect(try #require(try tuned.json()["test_r2"] as? Double) > 0.9, "the head is kept")
    #expect(try #require(try tuned.json()["test_rmse"] as? Double) > 100, "in the target's units")
    #expect(try tuned.json()["test_constant"] as? Bool == false)
  }

  @Test func aPredictionThatNeverChangesIsSaid() throws {
    try write("a,y\n" + (0..<100).map { "0.5,\($0 % 7)\n" }.joined(), to: "same.csv")
    let trained = try run(
      "train", "mlp", "--data", "same.csv", "--target", "y", "--output", "run", "--epochs", "1", "--set", "hidden=[4]",
      "--set", "dropout=[0]", "--no-standardize-target")
    #expect(trained.status == 0 && trained.output.contains("nearly the same number"), "\(trained.errors)")
    #expect(!trained.errors.contains("standardized"))
    #expect(try run("evaluate", "run/best.h5", "--data", "same.csv").output.contains("nearly the same number"))
  }

  @Test func zeroAndOneAreSaidToBeClasses() throws {
    try write("a,y\n" + (0..<60).map { "\($0),\($0 % 2)\n" }.joined(), to: "answers.csv")
    let classes = try run(
      "train", "mlp", "--data", "answers.csv", "--target", "y", "--output", "run", "--epochs", "1", "--set",
      "hidden=[4]")
    #expect(classes.status == 0 && classes.errors.contains("give --task regression"), "\(classes.errors)")
    #expect(classes.output.contains("test accuracy"))
    let numbers = try run(
      "train", "mlp", "--data", "answers.csv", "--target", "y", "--output", "other", "--epochs", "1", "--set",
      "hidden=[4]", "--task", "regression")
    #expect(numbers.status == 0 && !numbers.errors.contains("taken as classes") && numbers.output.contains("test RMSE"))
    let refused = try run(
      "train", "sequence-gru", "--data", "answers.csv", "--target", "y", "--window", "4", "--no-standardize-target",
      "--output", "third")
    #expect(refused.status == 64 && refused.errors.contains("standardize-target"))
  }

  @Test func aTimeSeries() throws {
    let level = { (row: Int) -> Double in 50 + 20 * sin(Double(row) / 3) }
    let rows = (0..<160).map { "day \($0),\(level($0)),\($0 % 4)" }
    try write("day,level,wind\n" + rows.joined(separator: "\n") + "\n", to: "levels.csv")
    let trained = try run(
      "train", "sequence-gru", "--data", "levels.csv", "--target", "level", "--window", "8", "--exclude", "wind",
      "--output", "run", "--epochs", "20", "--set", "hidden=12", "--learning-rate", "0.02")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("columns not used: day, wind") && trained.errors.contains("windows/s"))
    for (option, text) in [("--missing", "leave out --missing"), ("--text", "leave out --text")] {
      let refused = try run(
        "train", "sequence-gru", "--data", "levels.csv", "--target", "level", "--window", "8", option, "mean",
        "--output",
        "other")
      #expect(refused.status == 64 && refused.errors.contains(text))
    }
    let evaluated = try run("evaluate", "run/best.h5", "--data", "levels.csv", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(try evaluated.json()["windows"] as? Int == 16)
    #expect(try #require(try evaluated.json()["r2"] as? Double) > 0.9)
    try write("level\n" + (0..<9).map { "\(level($0))\n" }.joined(), to: "new.csv")
    try write("level\n50\n51\n", to: "short.csv")
    let predicted = try run("predict", "run/best.h5", "new.csv", "short.csv", "--json")
    let short = "short.csv: 2 rows are too few: the network reads 8 at once"
    #expect(predicted.status == 1 && predicted.errors.contains(short))
    #expect(try run("predict", "run/best.h5", "run/last.h5", "short.csv").errors.contains(short), "two networks, too")
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(abs(try #require(answers[0]["value"] as? Double) - level(9)) < 6)
    #expect(answers.count == 2 && answers[1]["error"] != nil)
    #expect(try run("predict", "run/best.h5", "new.csv").output.hasPrefix("new.csv: next level 5"))
    expectFault(try run("evaluate", "run/best.h5", "--data", "short.csv"), "short.csv", "which need 9")
    try write("level\n50\n\"\"\n", to: "gap.csv")
    expectFault(try run("evaluate", "run/best.h5", "--data", "gap.csv"), "row 3, column level: the value is missing")
    try write("level\n50\nhigh\n", to: "words.csv")
    expectFault(try run("evaluate", "run/best.h5", "--data", "words.csv"), "'high' is not a number")
  }

  /// Exports of prices often have the newest day first: the last row is none to forecast after.
  @Test func rowsOutOfOrderAreSaid() throws {
    let rows = (1...29).reversed().map { "2024-02-\($0 < 10 ? "0" : "")\($0),\($0 * $0 % 7)" }
    try write("day,level\n" + rows.joined(separator: "\n") + "\n", to: "turned.csv")
    let said = "turned.csv: column day: the newest row comes first"
    let trained = try run(
      "train", "sequence-gru", "--data", "turned.csv", "--target", "level", "--window", "3", "--output", "run",
      "--epochs", "1", "--set", "hidden=4")
    #expect(
      trained.status == 0 && trained.errors.contains("column day: the newest row comes first"), "\(trained.errors)")
    #expect(try run("evaluate", "run", "--data", "turned.csv").errors.contains(said))
    #expect(try run("predict", "run", "turned.csv").errors.contains(said))
    let table = try run(
      "train", "mlp", "--data", "turned.csv", "--target", "level", "--dates", "day", "--time-series", "--output",
      "rows",
      "--epochs", "1", "--set", "hidden=[4]")
    #expect(table.status == 0 && table.errors.contains("column day: the newest row comes first"), "\(table.errors)")
    // Without an order there is nothing to say.
    let plain = try run(
      "train", "mlp", "--data", "turned.csv", "--target", "level", "--dates", "day", "--output", "plain", "--epochs",
      "1",
      "--set", "hidden=[4]")
    #expect(plain.status == 0 && !plain.errors.contains("newest"), "\(plain.errors)")
  }

  @Test func textsInATable() throws {
    let letters = [Array("aeiou"), Array("krstz")]
    let rows = (0..<120).map { (row: Int) -> String in
      let word = String((0..<3 + row % 5).map { (place: Int) -> Character in letters[row % 2][(place * 3 + row) % 5] })
      return word + (row % 2 == 0 ? ",soft" : ",hard")
    }
    try write("sound,kind\n" + rows.joined(separator: "\n") + "\n", to: "sounds.csv")
    let trained = try run(
      "train", "sequence-lstm", "--data", "sounds.csv", "--target", "kind", "--text", "sound", "--output", "run",
      "--epochs", "6", "--set", "hidden=12", "--learning-rate", "0.02", "--sequence-length", "6", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try trained.json()["test_accuracy"] as? Double == 1)
    #expect(trained.errors.contains("24 texts are cut off after 6 characters"))
    let evaluated = try run("evaluate", "run/best.h5", "--data", "sounds.csv", "--json")
    #expect(try evaluated.json()["accuracy"] as? Double == 1 && evaluated.json()["texts"] as? Int == 12)
    try write("sound\naai?\n\"\"\nkrk\n", to: "new.csv")
    let predicted = try run("predict", "run/best.h5", "new.csv", "--top", "1")
    #expect(predicted.status == 1 && predicted.errors.contains("new.csv row 3: a value is missing"))
    #expect(predicted.lines.map { $0.contains("soft") } == [true, false, false])
    try write("sound,kind\naeiouae,soft\nQQ,hard\n", to: "odd.csv")
    for arguments in [
      ["predict", "run", "odd.csv"], ["evaluate", "run", "--data", "odd.csv"],
      ["predict", "run/best.h5", "run/last.h5", "odd.csv"],
    ] {
      let odd = try BuiltTool.run(arguments, in: scratch.path)
      #expect(odd.status == 0 && odd.errors.contains("odd.csv: 1 text is cut off after 6 characters"), "\(odd.errors)")
      #expect(odd.errors.contains("odd.csv: 1 of 2 texts has no character that the network knows"), "\(odd.errors)")
    }
    // What the network was taught to read it goes on reading, unless somebody says otherwise.
    let tuning = ["finetune", "--from", "run/best.h5", "--data", "sounds.csv", "--target", "kind", "--text", "sound"]
    for (more, length) in [([], 6), (["--sequence-length", "4"], 4)] {
      let tuned = try BuiltTool.run(
        tuning + ["--epochs", "1", "--output", "tuned-\(length)"] + more, in: scratch.path)
      #expect(tuned.errors.contains("cut off after \(length) characters"), "\(tuned.errors)")
    }
    expectFault(try run("predict", "run/best.h5", "none.csv"), "none.csv")
  }

  /// One Boltzmann machine: labels change the head alone, and features are what its hidden units do.
  @Test func aBoltzmannMachine() throws {
    #expect(try run("sample-images", "pets", "--count", "20", "--size", "40").status == 0)
    let trained = try run(
      "train", "dbn", "--data", "pets", "--image-size", "12", "--set", "hidden=[8]", "--set", "pretraining=2",
      "--freeze",
      "backbone", "--epochs", "1", "--output", "run")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("pretraining machine 1/1 (144-8), epoch 2/2  reconstruction error 0."))
    let features = try run("features", "run/best.h5", "--data", "pets", "--output", "units.h5")
    #expect(features.status == 0 && features.output.contains("8 numbers each"), "\(features.errors)")
    expectFault(
      try run("train", "dbn", "--data", "pets", "--set", "activation=relu", "--output", "other"), "activation is relu")
  }

  @Test func aText() throws {
    try write(String(repeating: "to be or not to be. ", count: 150), to: "play.txt")
    let trained = try run(
      "train", "char-gru", "--data", "play.txt", "--output", "run", "--epochs", "5", "--batch-size", "8",
      "--sequence-length", "20", "--set", "hidden=24", "--set", "embedding=8", "--learning-rate", "0.02")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("play.txt: text") && trained.errors.contains("characters/s"))
    let sampled = try run(
      "sample", "run/best.h5", "--prompt", "to be or not", "--length", "8", "--temperature", "0", "--json")
    #expect(sampled.status == 0, "\(sampled.errors)")
    #expect(try sampled.json()["text"] as? String == " to be. ")
    let first = try run("sample", "run/best.h5", "--prompt", "to", "--length", "50", "--seed", "3", "--top-k", "3")
    #expect(
      first.output
        == (try run("sample", "run/best.h5", "--prompt", "to", "--length", "50", "--seed", "3", "--top-k", "3")).output)
    // An option that changes nothing beside another is said.
    for (options, remark) in [
      (["--top-k", "3", "--temperature", "0"], "--top-k has no effect at --temperature 0"),
      (["--top-k", "1", "--temperature", "2"], "--temperature has no effect with --top-k 1"),
      (["--top-k", "1000"], "--top-k 1000 has no effect: the network knows"), (["--top-k", "3"], nil),
    ] as [([String], String?)] {
      let said = try BuiltTool.run(
        ["sample", "run/best.h5", "--prompt", "to", "--length", "2"] + options, in: scratch.path
      ).errors
      #expect(remark.map(said.contains) ?? !said.contains("no effect"), "\(said)")
    }
    expectFault(try run("sample", "run/best.h5", "--prompt", "xyz"), "'x'")
    for (option, value) in [("--temperature", "-1"), ("--temperature", "1e300"), ("--top-k", "0")] {
      let refused = try run("sample", "run/best.h5", "--prompt", "to", option, value)
      #expect(refused.status == 64 && refused.errors.contains("\(option) "), "\(refused.errors)")
    }
    // What would change nothing is refused.
    for options in [["--count", "3"], ["--steps", "9"], ["--force"]] {
      let refused = try BuiltTool.run(["sample", scratch / "run/best.h5"] + options)
      #expect(refused.status != 0 && refused.errors.contains("\(options[0]) is for samples"), "\(refused.errors)")
    }
    let evaluated = try run("evaluate", "run/best.h5", "--data", "play.txt", "--json")
    #expect(try #require(try evaluated.json()["loss"] as? Double) < 0.5)
    expectFault(try run("predict", "run/best.h5", "play.csv"), "was not trained on a table")
  }

  @Test func aGraph() throws {
    try FileManager.default.createDirectory(atPath: scratch / "rings", withIntermediateDirectories: false)
    try write((0..<60).map { "\($0) \($0 / 30 * 30 + ($0 + 1) % 30)\n" }.joined(), to: "rings/edges.txt")
    try write((0..<60).map { "\($0 / 30)\n" }.joined(), to: "rings/features.txt")
    try write((0..<60).map { "\($0 / 30)\n" }.joined(), to: "rings/labels.txt")
    let trained = try run("train", "gcn", "--data", "rings", "--output", "run", "--epochs", "30", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try #require(try trained.json()["test_accuracy"] as? Double) > 0.9)
    let evaluated = try run("evaluate", "run/best.h5", "--data", "rings", "--json")
    #expect(try evaluated.json()["accuracy"] as? Double == trained.json()["test_accuracy"] as? Double)
    expectFault(try run("sample", "run/best.h5"), "is not a language model")
    // Nodes to be predicted need no labels, and may lack the last features.
    try FileManager.default.createDirectory(atPath: scratch / "new", withIntermediateDirectories: false)
    try write("0 1\n1 2\n", to: "new/edges.txt")
    try write("0\n0\n0\n", to: "new/features.txt")
    let predicted = try run("predict", "run/best.h5", "--data", "new", "--nodes", "2,0-1", "--json")
    #expect(predicted.status == 0, "\(predicted.errors)")
    let predictions = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(predictions.map { $0["node"] as? Int } == [2, 0, 1] && predictions[0]["data"] as? String == "new")
    for prediction in predictions {
      let classes = try #require(prediction["classes"] as? [[String: Any]])
      #expect(classes.count == 2 && classes[0]["name"] as? String == "0")
      #expect(try #require(classes[0]["probability"] as? Double) > 0.5)
    }
    expectFault(try run("predict", "run/best.h5", "new", "--nodes", "3"), "--nodes: new has no 3; its nodes are 0 to 2")
    expectFault(
      try run("predict", "run/best.h5", "new", "--graphs", "1"), "--graphs does not go with new, which is one graph")
    let features = try run("features", "run/best.h5", "--data", "rings", "--output", "f.h5", "--json")
    #expect(features.status == 0, "\(features.errors)")
    #expect(try features.json()["nodes"] as? Int == 60 && features.json()["features"] as? Int == 16)
    let file = try Checkpoint.read(from: scratch / "f.h5")
    #expect(file["features"]?.shape == [60, 16] && file["labels"]?.shape == [60] && file["nodes"]?.shape == [60])
  }

  @Test func aCollectionOfGraphs() throws {
    try FileManager.default.createDirectory(atPath: scratch / "T", withIntermediateDirectories: false)
    var (edges, indicator, labels) = ("", "", "")
    for graph in 0..<40 {
      let first = 5 * graph + 1
      for node in 0..<(graph % 2 == 0 ? 5 : 4) { edges += "\(first + node), \(first + (node + 1) % 5)\n" }
      indicator += String(repeating: "\(graph + 1)\n", count: 5)
      labels += "\(graph % 2 == 0 ? 1 : -1)\n"
    }
    try write(edges, to: "T/T_A.txt")
    try write(indicator, to: "T/T_graph_indicator.txt")
    try write(labels, to: "T/T_graph_labels.txt")
    let trained = try run(
      "train", "gin-toy", "--data", "T", "--output", "run", "--epochs", "15", "--batch-size", "8", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("T: a collection of graphs") && trained.errors.contains("graphs/s"))
    #expect(try trained.json()["classes"] as? [String] == ["-1", "1"])
    #expect(try trained.json()["test_accuracy"] as? Double == 1)
    let evaluated = try run("evaluate", "run", "--data", "T", "--json")
    #expect(try evaluated.json()["graphs"] as? Int == 4 && evaluated.json()["accuracy"] as? Double == 1)
    #expect(try evaluated.json()["part"] as? String == "test")
    // Others, which say no classes.
    try FileManager.default.createDirectory(atPath: scratch / "U", withIntermediateDirectories: false)
    try write("1,2\n2,3\n3,4\n4,5\n5,1\n6,7\n7,8\n8,9\n9,10\n", to: "U/U_A.txt")
    try write("1\n1\n1\n1\n1\n2\n2\n2\n2\n2\n", to: "U/U_graph_indicator.txt")
    let predicted = try run("predict", "run", "--data", "U", "--top", "1", "--json")
    #expect(predicted.status == 0, "\(predicted.errors)")
    let predictions = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(predictions.map { $0["graph"] as? Int } == [1, 2])
    let names = predictions.map { (($0["classes"] as? [[String: Any]])?.first?["name"] as? String) ?? "" }
    #expect(names == ["1", "-1"])
    expectFault(try run("predict", "run", "U", "--graphs", "0-1"), "--graphs: U has no 0; its graphs are 1 to 2")
    expectFault(try run("evaluate", "run", "--data", "U"), "U: the graphs have no classes")
    let features = try run("features", "run", "--data", "U", "--output", "f.h5", "--json")
    #expect(try features.json()["graphs"] as? Int == 2 && features.json()["features"] as? Int == 3)
    let file = try Checkpoint.read(from: scratch / "f.h5")
    #expect(file["labels"]?.integers() == [-1, -1] && file["graphs"]?.integers() == [1, 2])
  }

  @Test(arguments: [
    (["train", "mlp", "--data", "t.csv"], "--target"),
    (["train", "mlp", "--data", "t.csv", "--target", "z"], "z"),
    (["train", "resnet18", "--data", "t.csv", "--target", "y"], "resnet18 is for images"),
    (["train", "gcn", "--data", "t.txt"], "gcn is for graphs"),
    (["train", "char-lstm", "--data", "t.txt"], "t.txt"),
    (["train", "char-lstm", "--data", "t.txt", "--target", "y"], "--target is for tables"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--mixup", "1"], "--mixup is for images"),
    (["train", "char-toy", "--data", "t.txt", "--augment", "flip"], "--augment is for images"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--sequence-length", "9"], "--sequence-length is for text"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--set", "depth=3"], "no setting 'depth'"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--set", "hidden=[-1]"], "hidden is -1"),
    (["train", "mlp", "--data", "none.csv", "--target", "y"], "none.csv: no such file or folder"),
    (["train", "sequence-gru", "--data", "t.csv", "--window", "4"], "--target"),
    (
      ["train", "sequence-gru", "--data", "t.csv", "--target", "y", "--window", "40"],
      "24 rows are too few for a window"
    ),
    (["train", "sequence-gru", "--data", "t.csv", "--target", "z", "--window", "4"], "no column 'z'"),
    (["train", "sequence-gru", "--data", "t.csv", "--target", "y", "--text", "y"], "text column 'y'"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--text", "a"], "mlp is for images and tables"),
    (["train", "char-toy", "--data", "t.txt", "--window", "3"], "--window is for tables"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--missing", "interpolate"], "t.csv: --missing interpolate"),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--statistics", "5"], "--statistics needs batch normal"),
    (
      ["train", "mlp", "--data", "t.csv", "--target", "y", "--set", "hidden=12"],
      "hidden cannot be 12; it must be a list"
    ),
    (
      ["train", "mlp", "--data", "t.csv", "--target", "y", "--set", "activation=magic"],
      "activation cannot be magic; it must be one of identity, relu"
    ),
    (["train", "mlp", "--data", "t.csv", "--target", "y", "--set", "inputs=2.5"], "it must be a whole number"),
    (
      ["train", "sequence-gru", "--data", "w.csv", "--target", "y", "--text", "empty"], "column empty is empty in every"
    ),
    (
      ["train", "sequence-gru", "--data", "w.csv", "--target", "word", "--window", "4"], "column word holds words, and"
    ),
  ]) func refuses(_ arguments: [String], _ text: String) throws {
    try write("a,y\n" + (0..<30).map { "\($0),\($0 % 4)\n" }.joined(), to: "t.csv")
    try write("y,word,empty\n" + (0..<30).map { "\($0 % 4),w\($0),\n" }.joined(), to: "w.csv")
    try write("short", to: "t.txt")
    expectFault(try BuiltTool.run(arguments + ["--output", "run"], in: scratch.path), text)
    #expect(!scratch.names.contains("run"))
  }
}
