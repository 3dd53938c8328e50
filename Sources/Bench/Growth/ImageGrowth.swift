import Aviary
import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension GrowthAxis {
  /// Image folders of ten classes.
  static let images = GrowthAxis(
    name: "images", items: "images",
    summary: "Folders of ten classes; the files are hard links to a few drawn images of 32×32.",
    sizes: series(from: 100, to: 1_000_000),
    prepare: { size, folder in
      try LinkedImages(in: folder).write(classes: 10, imagesPerClass: size / 10)
      try trainBriefly(in: folder)
    },
    works: [
      Work(name: "list") { _, folder in Task { _ = try ImageDataset(folder + "/data") } },
      Work(name: "divide and order an epoch") { _, folder in
        let images = try ImageDataset(folder + "/data").training
        return Task {
          let parts = try images.divided(by: SplitPlan(validation: 0.1))
          var fingerprint = DataFingerprint()
          fingerprint.add(parts.training)
          let prepared = try PreparedImages(parts.training.entries, preprocessing: .torchvision(size: 32))
          let loader = DataLoader(prepared, batchSize: 64, shuffled: true, workers: 2)
          _ = loader.next()
        }
      },
      .command("describe", ["describe", "DIR/data", "--json"]),
      .command("train, one epoch", ["train", "lenet5"] + learning),
      .command("evaluate", ["evaluate", "DIR/brief/last.h5", "--data", "DIR/data", "--json"]),
      .command("predict", ["predict", "DIR/brief/last.h5", "DIR/data", "--output", "DIR/answers.csv"]),
    ])

  /// Image folders of two images a class, and heads for as many classes.
  static let classes = GrowthAxis(
    name: "classes", items: "classes",
    summary: "As many class folders, each with two hard links to images of 32×32; the head has as many outputs.",
    sizes: [2] + series(from: 10, to: 100_000),
    prepare: { size, folder in try LinkedImages(in: folder).write(classes: size, imagesPerClass: 2) },
    works: [
      Work(name: "list") { _, folder in Task { _ = try ImageDataset(folder + "/data") } },
      Work(name: "list a part with given classes") { _, folder in
        let classes = try ImageFolder(folder + "/data").classes
        return Task { _ = try ImageFolder(folder + "/data", classes: classes) }
      },
      .command("describe", ["describe", "DIR/data", "--json"]),
      Work(name: "divide") { _, folder in
        let images = try ImageFolder(folder + "/data")
        return Task { _ = try images.divided(by: SplitPlan(validation: 0.5)) }
      },
      Work(name: "training step of a head of 64 features, 32 images") { size, _ in
        let model = MLP(MLP.Configuration(inputs: 64, hidden: [], outputs: size))
        let x = Tensor(normal: 0, deviation: 1, stream: Workload.stream("x"), shape: [32, 64])
        let y = Workload.random("y", below: size, shape: [32])
        return try training(model) { crossEntropy(model(x), labels: y) }
      },
      Work(name: "score 1,000 predictions") { size, _ in
        let labels = Workload.random("labels", below: size, shape: [1000]).scalars
        let answers = Workload.random("answers", below: size, shape: [1000]).scalars
        return Task {
          var metrics = ClassificationMetrics(classes: (0..<size).map { "class \($0)" })
          for (label, answer) in zip(labels, answers) {
            metrics.add(label: Int(label), predicted: Int(answer), loss: 1)
          }
          _ = (metrics.scores, metrics.macroAverage, metrics.weightedAverage, metrics.matthewsCorrelation)
          _ = (metrics.cohensKappa, metrics.undefined, metrics.precision, metrics.recall, metrics.f1)
        }
      },
      Work(name: "write and read a checkpoint with class names") { size, folder in
        let model = MLP(MLP.Configuration(inputs: 1, hidden: [], outputs: size))
        model.initialize(seed: 0)
        var checkpoint = model.checkpoint(architecture: "mlp")
        checkpoint.metadata.classes = (0..<size).map { "class \($0)" }
        return Task {
          try checkpoint.write(to: folder + "/classes.h5")
          _ = try Checkpoint.read(from: folder + "/classes.h5")
        }
      },
      .command("train, one epoch of two images a class", most: 10_000, ["train", "lenet5"] + learning),
      .command("evaluate", most: 10_000, ["evaluate", "DIR/run/last.h5", "--data", "DIR/data", "--json"]),
      .command(
        "predict one image", most: 10_000,
        ["predict", "DIR/run/last.h5", "DIR/drawn/train/cat/000.jpg", "--json"]),
    ])

  private static let learning = [
    "--data", "DIR/data", "--output", "DIR/run", "--epochs", "1", "--augment", "none", "--batch-size", "100",
    "--validation", "0.5",
  ]

  /// A checkpoint for what needs one, from a few images of each class.
  private static func trainBriefly(in folder: String) throws {
    try run(
      [
        "train", "lenet5", "--data", "DIR/data", "--output", "DIR/brief", "--epochs", "1", "--limit", "4",
        "--validation", "0.5", "--quiet",
      ], in: folder)
  }
}

/// Folders of images whose files are hard links to few: of a million, each is a file with a name and no bytes of its own.
private struct LinkedImages {
  private let folder: String
  private let files: [String]

  /// Draws the files. A file has at most 65,000 links where the file system is ext4.
  init(in folder: String) throws {
    self.folder = folder
    _ = try SampleImages.write(to: folder + "/drawn", count: 60, imageSize: 32)
    files = try ImageDataset(folder + "/drawn").training.entries.map(\.path)
  }

  /// Writes `data/<class>/<image>`.
  func write(classes: Int, imagesPerClass: Int) throws {
    var number = 0
    for label in 0..<classes {
      let place = folder + "/data/class-" + padded(label)
      try FileSystem.createFolder(place)
      for image in 0..<imagesPerClass {
        try FileManager.default.linkItem(
          atPath: files[number % files.count], toPath: place + "/image-" + padded(image) + ".jpg")
        number += 1
      }
    }
  }

  private func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 7 - digits.count)) + digits
  }
}
