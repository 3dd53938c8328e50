import ArgumentParser
import Aviary

struct SampleImagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample-images", abstract: "Draw cats and dogs, for trying the package without photographs.",
    discussion: "Writes DIR/train/{cat,dog} and DIR/test/{cat,dog}; a fifth of the images are for the test.")

  @Argument(help: "A folder that does not exist yet, or is empty.") var folder: String
  @Option(parsing: .unconditional, help: ArgumentHelp("How many images.", valueName: "n")) var count = 200
  @Option(parsing: .unconditional, help: ArgumentHelp("Other seeds give other images.", valueName: "n"))
  var seed: UInt64 = 0
  @Option(parsing: .unconditional, help: ArgumentHelp("The length of the sides in pixels.", valueName: "n"))
  var size = 160
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let summary = try SampleImages.write(to: folder, count: count, seed: seed, imageSize: size)
    if json {
      let object = JSONValue.members([
        "folder": .text(summary.folder), "classes": .texts(summary.classes),
        "training_images": .integer(summary.trainingImages), "test_images": .integer(summary.testImages),
      ])
      print(object.serialized)
    } else {
      print(
        "\(summary.folder): \(summary.trainingImages) training and \(summary.testImages) test images of "
          + summary.classes.joined(separator: " and "))
    }
  }
}
