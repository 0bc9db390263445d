# For an instructor: the grader, with nothing else of the machine in its reach. From a clone:
#
#   docker build --tag labkit .
#   docker run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined \
#     --security-opt apparmor=unconfined --volume "$PWD:/course" labkit grade submissions/
#
# The wall around each answer is bubblewrap's, which makes namespaces of its own; Docker's
# defaults refuse that, hence the three options. `docker run … labkit doctor` tells
# whether the wall stands.
FROM python:3.11-slim
COPY . /labkit
RUN pip install --no-cache-dir --constraint /labkit/constraints.txt '/labkit[grading]'
WORKDIR /course
ENTRYPOINT ["labkit"]
CMD ["doctor"]
