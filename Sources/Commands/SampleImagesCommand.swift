import ArgumentParser
import Aviary

struct SampleImagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample-images", abstract: "Draw cats and dogs, to try Aviary without photographs.",
    discussion: "Writes DIR/train/{cat,dog} and DIR/test/{cat,dog}; a fifth of the images go to test.")

  @Argument(help: "A new or empty folder.") var folder: String
  @Option(parsing: .unconditional, help: ArgumentHelp("The number of images.", valueName: "n")) var count = 200
  @Option(parsing: .unconditional, help: ArgumentHelp("The seed of the random numbers.", valueName: "n"))
  var seed: UInt64 = 0
  @Option(parsing: .unconditional, help: ArgumentHelp("The side of the images in pixels.", valueName: "n"))
  var size = 160
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions

  func run() throws {
    let summary = try SampleImages.write(to: folder, count: count, seed: seed, imageSize: size)
    if json {
      let object = JSONValue.members([
        "folder": .text(summary.folder), "classes": .texts(summary.classes),
        "training_images": .integer(summary.trainingImages), "test_images": .integer(summary.testImages),
      ])
      printJSON(object)
    } else {
      print(
        "\(summary.folder): \(summary.trainingImages) training and \(summary.testImages) test images of "
          + summary.classes.joined(separator: " and "))
    }
  }
}
