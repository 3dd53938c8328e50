import Aviary
import AviaryArchives
import AviaryTestSupport
import Foundation
import Testing

/// What a person looks at: measures, curves, pages.
@Suite struct ReportTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  /// Folders whose names are markup, and a toy that knows them.
  private func hostileClasses() throws {
    let names = ["cat": "<script>alert(1)<", "dog": "a & \"b\" | **c**"]
    try ToyFiles.images(at: scratch / "pets")
    for part in ["train", "test"] {
      for (name, hostile) in names {
        try FileManager.default.moveItem(
          atPath: scratch / "pets/\(part)/\(name)", toPath: scratch / "pets/\(part)/\(hostile)")
      }
    }
    try ToyFiles.checkpoint(classes: names.values.sorted()).write(to: scratch / "toy.h5")
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: scratch / name, encoding: .utf8)
  }

  /// Nothing is fetched, nothing runs, and no name becomes markup.
  private func expectSelfContained(_ page: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"), sourceLocation: sourceLocation)
    #expect(!page.lowercased().contains("<script"), sourceLocation: sourceLocation)
    #expect(page.contains("Content-Security-Policy"), sourceLocation: sourceLocation)
    // The style is known by its hash, so that no other one counts.
    let style = try #require(page.split(separator: "<style>").last?.split(separator: "</style>").first)
    let digest = try Digest(.sha256)
    digest.update(ByteRegion(Array(style.utf8)))
    let digits = Array(digest.finish())
    let hash = Data(stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! })
    #expect(page.contains("style-src &#39;sha256-\(hash.base64EncodedString())&#39;"), sourceLocation: sourceLocation)
    #expect(!page.contains("style="), sourceLocation: sourceLocation)
    #expect(page.contains("default-src &#39;none&#39;"), sourceLocation: sourceLocation)
    for address in page.matches(of: /(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]*)/) {
      #expect(
        address.1.hasPrefix("#") || address.1.hasPrefix("data:image/png"), "\(address.1)",
        sourceLocation: sourceLocation)
    }
    #expect(!page.replacing("http://www.w3.org/2000/svg", with: "").contains("://"), sourceLocation: sourceLocation)
  }

  @Test func dataAreDescribedOnAPage() throws {
    try hostileClasses()
    let manager = FileManager.default
    let class0 = try #require(try manager.contentsOfDirectory(atPath: scratch / "pets/train").min())
    let image = try #require(try manager.contentsOfDirectory(atPath: scratch / "pets/train/\(class0)").min())
    try manager.copyItem(
      atPath: scratch / "pets/train/\(class0)/\(image)", toPath: scratch / "pets/test/\(class0)/copy.png")
    let plain = try BuiltTool.run(["describe", scratch / "pets"])
    let outcome = try BuiltTool.run(["describe", scratch / "pets", "--report", scratch / "report"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == plain.output && outcome.errors.contains("report/index.html"))
    let page = try text("report/index.html")
    try expectSelfContained(page)
    #expect(page.contains("&lt;script&gt;alert(1)&lt;") && page.contains("1 image in more than one part"))
    // Samples of both classes, and the image that is there twice, twice.
    #expect(page.contains("copy.png") && page.components(separatedBy: "<li><svg").count > 6)
    // Its own page is replaced, that of somebody else is not.
    #expect(try BuiltTool.run(["describe", scratch / "pets", "--report", scratch / "report"]).status == 0)
    try scratch.write("<title>mine</title>", to: "index.html")
    for arguments in [
      ["describe", scratch / "pets"], ["evaluate", scratch / "toy.h5", "--data", scratch / "pets"],
    ] {
      expectFault(try BuiltTool.run(arguments + ["--report", scratch.path]), "index.html: is another page")
    }
    #expect(try text("index.html") == "<title>mine</title>")
    try scratch.write("notes", to: "file")
    expectFault(try BuiltTool.run(["describe", scratch / "pets", "--report", scratch / "file"]), "file")
  }

  @Test func tablesAndTextsAreDescribedOnAPage() throws {
    let rows = (0..<49).map { "\($0),\($0 % 3 == 0 ? "<b>red</b>" : "blue")" }.joined(separator: "\n")
    try scratch.write("size,colour\n" + rows + "\n", to: "a.csv")
    let outcome = try BuiltTool.run(["describe", scratch / "a.csv", "--json", "--report", scratch / "report"])
    let columns = try #require(try outcome.json()["columns"] as? [[String: Any]])
    // As numpy.histogram(numpy.arange(49), 24) has it.
    #expect(columns[0]["histogram"] as? [Int] == Array(repeating: 2, count: 23) + [3])
    let page = try text("report/index.html")
    try expectSelfContained(page)
    #expect(page.contains("Histogram of size") && page.contains("&lt;b&gt;red&lt;/b&gt; (17)"))
    try scratch.write(String(repeating: "to be or not to be\n", count: 30), to: "a.txt")
    #expect(try BuiltTool.run(["describe", scratch / "a.txt", "--report", scratch / "text"]).status == 0)
    let other = try text("text/index.html")
    try expectSelfContained(other)
    #expect(other.contains("Most frequent characters"))
  }

  @Test func namesBecomeNoMarkup() throws {
    try hostileClasses()
    let outcome = try BuiltTool.run([
      "evaluate", scratch / "toy.h5", "--data", scratch / "pets", "--json", "--report", scratch / "report",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let page = try text("report/index.html")
    try expectSelfContained(page)
    #expect(page.contains("&lt;script&gt;alert(1)&lt;") && page.contains("a &amp; &quot;b&quot; | **c**"))
    #expect(page.contains("<figure><svg") && page.contains("Reliability") && page.contains("Most confident"))
    // Each example beside its map.
    #expect(page.components(separatedBy: "<image ").count - 1 == 2 * 4)
    let card = try text("report/MODEL_CARD.md")
    #expect(card.hasPrefix("---\nlibrary_name: aviary\npipeline_tag: image-classification\n"))
    #expect(card.contains("&lt;script&gt;alert(1)&lt;") && card.contains("\\|") && !card.contains("<script"))
    #expect(card.contains("- type: accuracy\n      name: \"Accuracy\"\n      value: "))

    let object = try outcome.json()
    for name in ["f1", "support", "precision", "recall", "confusion_rates", "roc_auc_by_class", "thresholds"] {
      #expect((object[name] as? [Any])?.count == 2, "\(name)")
    }
    for name in ["accuracy", "loss", "log_loss", "brier_score", "balanced_accuracy", "roc_auc", "average_precision"] {
      #expect(object[name] is Double, "\(name)")
    }
    #expect((object["macro"] as? [String: Any])?.count == 3 && (object["weighted"] as? [String: Any])?.count == 3)
    let calibration = try #require(object["calibration"] as? [String: Any])
    let counts = try #require(calibration["bins"] as? [[String: Any]]).compactMap { $0["count"] as? Int }
    #expect(counts.count == 15 && counts.reduce(0, +) == 4)
    #expect(object["undefined"] is [String])
  }

  private func table() throws {
    var lines = ["size,price"]
    for row in 0..<60 { lines.append("\(row % 13),\(2 * (row % 13) + row % 3)") }
    try scratch.write(lines.joined(separator: "\n") + "\n", to: "homes.csv")
  }

  @Test func aRunIsWatchedPlottedAndReported() throws {
    try table()
    let run = scratch / "run"
    #if TensorBoard
      let tensorBoard = ["--tensorboard"]
    #else
      let tensorBoard: [String] = []
    #endif
    let arguments = [
      "train", "mlp", "--data", scratch / "homes.csv", "--target", "price", "--set", "hidden=[8]", "--output", run,
      "--epochs", "3", "--batch-size", "8", "--plot", "--log-every", "2",
    ]
    #if !TensorBoard
      let refused = try BuiltTool.run(arguments + ["--tensorboard"])
      #expect(refused.status == 64 && refused.errors.contains("swift build -c release --traits TensorBoard"))
    #endif
    let trained = try BuiltTool.run(arguments + tensorBoard)
    #expect(trained.status == 0, "\(trained.errors)")
    // There is no terminal.
    #expect(!trained.errors.contains("\u{1B}") && trained.errors.contains("step 2  loss "))
    #if TensorBoard
      let files = try FileManager.default.contentsOfDirectory(atPath: run)
      #expect(files.contains { $0.hasPrefix("events.out.tfevents.") })
    #endif
    #expect(try text("run/steps.csv").hasPrefix("step,epoch,loss,") && text("run/layers.csv").contains("\n2,fc1,"))
    #expect(try text("run/options.json").contains("\"command\" : \"aviary train mlp --data "))

    let plotted = try BuiltTool.run(["plot", run, "--output", scratch / "curves.svg", "--smoothing", "0.5"])
    #expect(plotted.status == 0, "\(plotted.errors)")
    #expect(try text("curves.svg").hasPrefix("<svg ") && text("curves.svg").contains(">validation</text>"))
    let reported = try BuiltTool.run(["report", run])
    #expect(reported.status == 0 && reported.output == "\(run)/report/index.html\n", "\(reported.errors)")
    let page = try text("run/report/index.html")
    try expectSelfContained(page)
    for words in ["Predicted over true", "Residuals", "Loss by epoch", "aviary train mlp", "R²"] {
      #expect(page.contains(words), "\(words)")
    }
    // Without its data the rest is there.
    try FileManager.default.removeItem(atPath: scratch / "homes.csv")
    let again = try BuiltTool.run(["report", run, "--output", scratch / "again"])
    #expect(again.status == 0 && again.errors.contains("not evaluated: "), "\(again.errors)")
    #expect(try text("again/index.html").contains("Not evaluated"))
  }

  /// The groups of a slice are all items, and their scores together the score of all.
  @Test func groupsOfItemsAreScoredByThemselves() throws {
    var lines = ["size,color,note,id,kind"]
    for row in 0..<60 {
      // Two of the three integers are one number.
      let id = 9_007_199_254_740_991 + row % 3
      lines.append("\(row % 13),\(["red", "blue", ""][row % 3]),\(row),\(id),\(row % 13 > 6 ? "big" : "small")")
    }
    try scratch.write(lines.joined(separator: "\n") + "\n", to: "things.csv")
    let run = scratch / "run"
    let trained = try BuiltTool.run([
      "train", "mlp", "--data", scratch / "things.csv", "--target", "kind", "--exclude", "color,note,id", "--set",
      "hidden=[4]", "--output", run, "--epochs", "2", "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    // A column that the network does not see, too.
    let evaluate = ["evaluate", run, "--part", "all", "--slice", "color", "--slice", "size", "--slice", "id"]
    let outcome = try BuiltTool.run(evaluate + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let slices = try #require(object["slices"] as? [[String: Any]])
    #expect(slices.map { $0["by"] as? String } == ["color", "size", "id"])
    for slice in slices {
      let groups = try #require(slice["groups"] as? [[String: Any]])
      let counts = groups.compactMap { $0["count"] as? Int }
      let right = zip(groups, counts).reduce(0) { $0 + ($1.0["accuracy"] as? Double ?? 0) * Double($1.1) }
      #expect(counts.reduce(0, +) == 60)
      #expect(abs(right / 60 - (try #require(object["accuracy"] as? Double))) < 1e-9)
    }
    let ids = try #require(slices[2]["groups"] as? [[String: Any]])
    #expect(ids.compactMap { $0["value"] as? String } == (1...3).map { "900719925474099\($0)" })
    let colors = try #require(slices[0]["groups"] as? [[String: Any]])
    #expect(colors.compactMap { $0["value"] as? String } == ["blue", "red"] && colors[2]["value"] is NSNull)
    let plain = try BuiltTool.run(evaluate + ["--report", scratch / "report"])
    #expect(
      plain.output.contains("\ncolor      rows  accuracy") && plain.output.contains("\n(missing)"), "\(plain.output)")
    let page = try text("report/index.html")
    try expectSelfContained(page)
    #expect(page.contains("id=\"slices\"") && page.contains(">color</caption>") && !page.contains(">kind</caption>"))
    let unknown = try BuiltTool.run(["evaluate", run, "--slice", "smell"])
    #expect(unknown.status == 64 && unknown.errors.contains("has no 'smell' to slice by; it has size, color, note, id"))
  }

  @Test func imagesAreSlicedByTheirForm() throws {
    try hostileClasses()
    let outcome = try BuiltTool.run(["evaluate", scratch / "toy.h5", "--data", scratch / "pets", "--slice", "format"])
    #expect(outcome.status == 0 && outcome.output.contains("\nformat  images  accuracy"), "\(outcome.errors)")
    #expect(outcome.output.split(separator: "\n").last?.hasPrefix("JPEG ") == true, "\(outcome.output)")
    let unknown = try BuiltTool.run([
      "evaluate", scratch / "toy.h5", "--data", scratch / "pets", "--slice", "smell",
    ])
    #expect(unknown.status == 64 && unknown.errors.contains("images have shorter side, shape, format, folder"))
  }

  @Test func whatCannotBeDrawnIsSaid() throws {
    expectFault(try BuiltTool.run(["plot", scratch.path, "--output", scratch / "a.svg"]), "is not a training run")
    for (arguments, words) in [
      (["plot", "x", "--output", "a.gif"], "--output a.gif"),
      (["plot", "x", "--output", "a.svg", "--only", "b"], "--only"),
      (["plot", "x", "--output", "a.svg", "--smoothing", "1"], "--smoothing"),
      (["train", "mlp", "--data", "x", "--output", "y", "--log-every", "0"], "--log-every"),
    ] {
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 64 && outcome.errors.contains(words), "\(outcome.errors)")
    }
    try FileManager.default.createDirectory(atPath: scratch / "damaged", withIntermediateDirectories: true)
    try scratch.write("epoch,train_loss\n1,2\n", to: "damaged/history.csv")
    expectFault(
      try BuiltTool.run(["plot", scratch / "damaged", "--output", scratch / "a.svg"]), "history.csv: line 1 is damaged")
  }
}
