"""What transformers' `TrainingArguments` writes of itself: the file that people bring along."""

import dataclasses

import transformers

from common import write

if __name__ == "__main__":
    arguments = transformers.TrainingArguments(output_dir="out")
    fields = [field.name for field in dataclasses.fields(arguments)]
    write("arguments.json", {"fields": fields, "to_dict": arguments.to_dict()}, ["transformers", "accelerate"])
