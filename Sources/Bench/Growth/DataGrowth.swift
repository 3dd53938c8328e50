import Aviary
import AviaryArchives

extension GrowthAxis {
  /// Tables.
  static let rows = GrowthAxis(
    name: "rows", items: "rows",
    summary: "CSV files of three columns of numbers, one of words, and a target of two classes.",
    sizes: series(from: 100, to: 10_000_000),
    prepare: { size, folder in
      try write(to: folder + "/table.csv", lines: size, header: "height,weight,age,city,label") { row, random in
        let (height, weight, age) = (random.uniform(), random.uniform(), random.integer(below: 100))
        let label = height + weight > 1 ? "tall" : "short"
        return "\(height),\(weight),\(age),city \(random.integer(below: 20)),\(label)"
      }
      try write(to: folder + "/few.csv", lines: 100, header: "height,weight,age,city,label") { row, _ in
        "0.\(row),0.5,\(row),city \(row % 20),\(row % 2 == 0 ? "tall" : "short")"
      }
      try run(
        [
          "train", "mlp", "--data", "DIR/few.csv", "--target", "label", "--output", "DIR/brief", "--epochs", "1",
          "--quiet",
        ],
        in: folder)
    },
    works: [
      Work(name: "read") { _, folder in Task { _ = try Table(csv: folder + "/table.csv") } },
      .command("describe", ["describe", "DIR/table.csv", "--target", "label"]),
      .command(
        "train, one epoch",
        [
          "train", "mlp", "--data", "DIR/table.csv", "--target", "label", "--output", "DIR/run", "--epochs", "1",
          "--batch-size", "1000",
        ]),
      .command("evaluate", ["evaluate", "DIR/brief/last.h5", "--data", "DIR/table.csv", "--json"]),
      .command("predict", ["predict", "DIR/brief/last.h5", "DIR/table.csv", "--output", "DIR/answers.csv"]),
    ])

  /// Graphs.
  static let edges = GrowthAxis(
    name: "edges", items: "edges",
    summary: "Graphs as plain text with a fifth as many nodes, each with 8 features and one of 5 classes.",
    sizes: series(from: 100, to: 10_000_000),
    prepare: { size, folder in
      let nodes = size / 5
      try FileSystem.createFolder(folder + "/graph")
      try write(to: folder + "/graph/labels.txt", lines: nodes) { node, _ in "\(node % 5)" }
      try write(to: folder + "/graph/features.txt", lines: nodes) { node, random in
        "\(node % 5) \(5 + random.integer(below: 3))"
      }
      try write(to: folder + "/graph/edges.txt", lines: size) { _, random in
        "\(random.integer(below: nodes)) \(random.integer(below: nodes))"
      }
    },
    works: [
      Work(name: "read") { _, folder in Task { _ = try GraphDataset(folder: folder + "/graph") } },
      .command(
        "train, one epoch", ["train", "gcn", "--data", "DIR/graph", "--output", "DIR/run", "--epochs", "1"]),
      .command("evaluate", ["evaluate", "DIR/run/last.h5", "--data", "DIR/graph", "--json"]),
      .command("predict", ["predict", "DIR/run/last.h5", "DIR/graph", "--output", "DIR/answers.csv"]),
    ])

  /// Writes a text file a piece at a time.
  private static func write(
    to path: String, lines: Int, header: String? = nil, line: (_ number: Int, _ random: inout RandomStream) -> String
  ) throws {
    let file = try GrowingFile(creating: path)
    var random = Workload.stream(path.split(separator: "/").last.map(String.init) ?? "")
    var piece = header.map { Array(($0 + "\n").utf8) } ?? []
    for number in 0..<lines {
      piece += (line(number, &random) + "\n").utf8
      if piece.count > 1 << 20 {
        try file.append(piece)
        piece.removeAll(keepingCapacity: true)
      }
    }
    try file.append(piece)
  }
}
